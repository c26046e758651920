/** Joining: a job that waits for the ends of others. */
import * as z from "zod/mini";
import { ApartmentId, JobId } from "./ids.ts";

/** Jobs joined and not ended at one time, by one job: bounds its record, and what its cancellation sends. */
export const JOINED_MAX = 50;
/** Jobs that wait for one job: bounds its item and the messages that its end sends. */
export const JOINERS_MAX = 200;

/** Who is told of a job's end. */
export const Joiner = z.strictObject({ apartmentId: ApartmentId, jobId: JobId });
export type Joiner = z.infer<typeof Joiner>;

export const Joiners = z.array(Joiner);

/** The work's own name for a job that it joined. */
export const JoinKey = z.string().check(z.minLength(1), z.maxLength(64));

/** A job that the active one has joined and was not told the end of. */
export const JoinedJob = z.strictObject({
  key: JoinKey,
  jobId: JobId,
  /** The apartment of one that it started itself: it is called off with it. */
  startedIn: z.optional(ApartmentId),
  /** `refused`: waiting for it would be waiting for oneself. */
  end: z.optional(z.enum(["ended", "refused"])),
});
export type JoinedJob = z.infer<typeof JoinedJob>;
