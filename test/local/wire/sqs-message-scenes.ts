/** Recorded tests about sending and receiving. */
import type { MessageAttributeValue, QueueAttributeName } from "@aws-sdk/client-sqs";
import {
  changeVisibility,
  DEFAULT_BYTES,
  handleOf,
  K_IS_X,
  K_IS_X_BYTES,
  queueOf,
  receive,
  remove,
  type Scene,
  type Scenes,
  send,
  sendBatch,
  setAttributes,
} from "./sqs-scene.ts";

const badGroup = (MessageGroupId: string) => async (scene: Scene) => {
  const QueueUrl = await queueOf(scene);
  await scene.refused("error-response", send(scene, { QueueUrl, MessageGroupId }));
};
const systemAttributeNames =
  (parameter: "AttributeNames" | "MessageSystemAttributeNames") => async (scene: Scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    const MessageAttributes = { Foo: { DataType: "String", StringValue: "Bar" } };
    await send(scene, { QueueUrl, MessageBody: "msg", MessageAttributes });
    const ask = (names: string[], MessageAttributeNames: string[] = []) =>
      receive(scene, QueueUrl, { [parameter]: names, MessageAttributeNames });
    scene.record("all_attributes", await ask(["All"]));
    scene.record("all_system_and_message_attributes", await ask(["All"], ["All"]));
    scene.record("single_attribute", await ask(["SenderId"]));
    scene.record("multiple_attributes", await ask(["SenderId", "SequenceNumber"]));
  };

export const MESSAGE_SCENES: Scenes = {
  "test_send_receive_max_number_of_messages[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.refused(
      "send_max_number_of_messages",
      receive(scene, QueueUrl, { MaxNumberOfMessages: 11 }),
    );
  },
  "test_send_oversized_message[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageBody = "a".repeat(DEFAULT_BYTES - K_IS_X_BYTES + 1);
    await scene.refused(
      "send_oversized_message",
      send(scene, { QueueUrl, MessageBody, MessageAttributes: K_IS_X }),
    );
  },
  "test_send_message_with_updated_maximum_message_size[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await setAttributes(scene, QueueUrl, { MaximumMessageSize: "1024" });
    await send(scene, { QueueUrl, MessageBody: "a".repeat(1_024) });
    const MessageBody = "a".repeat(1_024 - K_IS_X_BYTES + 1);
    await scene.refused(
      "send_oversized_message",
      send(scene, { QueueUrl, MessageBody, MessageAttributes: K_IS_X }),
    );
  },
  "test_send_message_batch_with_oversized_contents[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageBody = "a".repeat(DEFAULT_BYTES - K_IS_X_BYTES);
    const entries = [
      { Id: "1", MessageBody, MessageAttributes: K_IS_X },
      { Id: "2", MessageBody: "a" },
    ];
    await scene.refused("send_oversized_message_batch", sendBatch(scene, QueueUrl, entries));
  },
  "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size[sqs]": async (
    scene,
  ) => {
    const QueueUrl = await queueOf(scene);
    await setAttributes(scene, QueueUrl, { MaximumMessageSize: "2048" });
    const MessageBody = "a".repeat(2_048 - K_IS_X_BYTES);
    const entries = [
      { Id: "1", MessageBody, MessageAttributes: K_IS_X },
      { Id: "2", MessageBody: "a" },
    ];
    scene.record("send_oversized_message_batch", await sendBatch(scene, QueueUrl, entries));
  },
  "test_change_message_visibility_after_visibility_timeout_expiration[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "1" });
    await send(scene, { QueueUrl });
    const received = await receive(scene, QueueUrl);
    scene.stack.clock.advance(2_000);
    scene.record(
      "visibility_timeout_expired",
      await changeVisibility(scene, QueueUrl, handleOf(received), 2),
    );
  },
  test_send_batch_message_size: async (scene) => {
    const QueueUrl = await queueOf(scene, { MaximumMessageSize: "1024" });
    const entries = [
      { Id: "a4cff0d1-1961-44bd-ae53-c6d5ed71ed08", MessageBody: "a".repeat(1_024) },
      { Id: "35b535ed-b76a-4ebd-b749-6eb35cdb55ee", MessageBody: "a".repeat(1_025) },
    ];
    scene.record("send-message-batch-result", await sendBatch(scene, QueueUrl, entries));
  },
  "test_send_message_with_binary_attributes[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const text = "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
    const MessageAttributes = { attr1: { DataType: "Binary", BinaryValue: Buffer.from(text) } };
    await send(scene, { QueueUrl, MessageBody: "test", MessageAttributes });
    scene.record(
      "binary-attrs-msg",
      await receive(scene, QueueUrl, { MessageAttributeNames: ["All"] }),
    );
  },
  "test_send_message_with_empty_string_attribute[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageAttributes = { ErrorDetails: { StringValue: "", DataType: "String" } };
    await scene.refused("empty-string-attr", send(scene, { QueueUrl, MessageAttributes }));
  },
  "test_receive_message_message_attribute_names_filters[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    const text = (StringValue: string): MessageAttributeValue => ({
      DataType: "String",
      StringValue,
    });
    const MessageAttributes = {
      "Help.Me": text("Me"),
      Hello: text("There"),
      General: text("Kenobi"),
    };
    scene.record(
      "send_message_response",
      await send(scene, { QueueUrl, MessageBody: "msg", MessageAttributes }),
    );
    const whole = (MessageAttributeNames: string[]) =>
      receive(scene, QueueUrl, { MessageAttributeNames });
    const one = async (names: string[]) => (await whole(names)).Messages?.[0];
    scene.record("empty_filter", await whole([]));
    scene.record("all_name", await whole(["All"]));
    scene.record("all_wildcard_asterisk", await one(["*"]));
    scene.record("all_wildcard", await one([".*"]));
    scene.record("only_non_existing_names", await one(["Foo", "Help"]));
    scene.record("only_existing", await one(["Hello", "General"]));
    scene.record("existing_and_non_existing", await one(["Foo", "Hello"]));
    scene.record("prefix_filter", await one(["Hel.*"]));
    scene.record("illegal_name_1", await whole(["AWS."]));
    scene.record("illegal_name_2", await whole(["..foo"]));
  },
  "test_receive_message_attribute_names_filters[sqs]": systemAttributeNames("AttributeNames"),
  "test_receive_message_message_system_attribute_names_filters[sqs]": systemAttributeNames(
    "MessageSystemAttributeNames",
  ),
  "test_message_system_attribute_names_with_attribute_names[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    await send(scene, { QueueUrl, MessageBody: "msg" });
    const ask = (name: QueueAttributeName) =>
      receive(scene, QueueUrl, {
        AttributeNames: [name],
        MessageSystemAttributeNames: ["All"],
      });
    scene.record("same_values", await ask("All"));
    scene.record("different_values", await ask("VisibilityTimeout"));
  },
  "test_send_receive_wait_time_seconds[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await send(scene, { QueueUrl });
    await send(scene, { QueueUrl });
    const wait = (WaitTimeSeconds: number) => receive(scene, QueueUrl, { WaitTimeSeconds });
    await scene.refused("recieve_message_error_too_large", wait(21));
    await scene.refused("recieve_message_error_too_small", wait(-1));
    scene.record("empty_short_poll_by_default_resp", await receive(scene, QueueUrl));
    scene.record("empty_short_poll_explicit_resp", await wait(0));
  },
  "test_receive_empty_queue[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    scene.record("empty_short_poll_resp_no_param", await receive(scene, QueueUrl));
    scene.record("empty_short_poll_resp", await receive(scene, QueueUrl, { WaitTimeSeconds: 0 }));
    const poll = receive(scene, QueueUrl, { WaitTimeSeconds: 1 });
    await scene.stack.clock.waitedFor();
    scene.stack.clock.advance(1_000);
    scene.record("empty_long_poll_resp", await poll);
  },
  "test_send_empty_message[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.refused("send_empty_message", send(scene, { QueueUrl, MessageBody: "" }));
  },
  "test_delete_after_visibility_timeout[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "1" });
    await send(scene, { QueueUrl, MessageBody: "foobar" });
    const received = await receive(scene, QueueUrl);
    scene.stack.clock.advance(1_000);
    await remove(scene, QueueUrl, handleOf(received));
    scene.record("delete_after_timeout_queue_empty", await receive(scene, QueueUrl));
  },
  "test_fair_queue_with_message_group_id[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    scene.record("send_message", await send(scene, { QueueUrl, MessageGroupId: "test" }));
    const answer = await receive(scene, QueueUrl, { AttributeNames: ["All"] });
    scene.record("get-message-with-deduplication-id", answer);
  },
  "test_send_message_to_standard_queue_with_invalid_message_group_id[empty]": badGroup(""),
  "test_send_message_to_standard_queue_with_invalid_message_group_id[too_long]": badGroup(
    "a".repeat(129),
  ),
  "test_send_message_to_standard_queue_with_invalid_message_group_id[spaces]":
    badGroup("group 123"),
};
