/** Run as a child process: starts the engine, says where it is, and waits to be killed. */
import { startDynoxide } from "../../local/dynoxide.ts";

const engine = await startDynoxide({ file: process.argv[2], onLine: () => {} });
process.stdout.write(`${engine.endpoint}\n`);
setInterval(() => {}, 60_000);
