// What do callers of the TypeScript SDK get? Each call of a fixed list, with its result or its error, as JSON.
// Arguments: the SDK's entry module, the base URL, the API key.
const [, , entry, baseURL, apiKey] = process.argv;
const { default: Anthropic, toFile } = await import(entry);

const client = new Anthropic({ apiKey, baseURL, maxRetries: 2, timeout: 30_000 });
const ask = { max_tokens: 9, messages: [{ role: "user", content: "h\u00e9 \u{1f600}" }] };
const bytes = Uint8Array.from({ length: 256 * 99 }, (_, at) => at % 256);
const ours = ["x-nexus-request-id", "transfer-encoding"]; // the table of exceptions speaks of them

const failure = (error) => ({
  error: error.constructor.name,
  status: error.status,
  message: error.message,
  id: error.requestID,
  body: error.error,
  retry: ["retry-after-ms", "x-should-retry"].map((name) => error.headers?.get?.(name)),
});

const all = async (list) => {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
};

const stream = (model) => async () => {
  const got = [];
  try {
    for await (const event of await client.messages.create({ ...ask, model, stream: true })) got.push(event);
  } catch (error) {
    got.push(failure(error));
  }
  return got;
};

const create = (model, options) => () => client.messages.create({ ...ask, model }, options);

const calls = {
  create: create("plain", { headers: { "anthropic-beta": "from-the-future-2031" } }),
  "beta create": () => client.beta.messages.create({ ...ask, model: "plain", betas: ["a-1", "b-2"] }),
  raw: async () => {
    const { data, response, request_id } = await create("plain")().withResponse();
    const lines = [...response.headers].filter(([name]) => !ours.includes(name));
    return [response.status, response.statusText, lines, data, request_id];
  },
  stream: stream("plain"),
  assembled: async () => {
    const events = client.messages.stream({ ...ask, model: "plain" });
    const kinds = [];
    for await (const event of events) kinds.push(event.type);
    return [kinds, await events.finalMessage(), events.request_id];
  },
  "a stream that fails": stream("fails-in-the-stream"),
  "a stream that breaks": stream("breaks"),
  count: () => client.messages.countTokens({ model: "plain", messages: ask.messages }),
  models: () => all(client.models.list({ limit: 3 }, { query: { x: "a/b c\u00e9" } })),
  model: () => client.models.retrieve("claude-x"),
  "batches: create": () =>
    client.messages.batches.create({ requests: [{ custom_id: "a", params: { ...ask, model: "plain" } }] }),
  "batches: get": () => client.messages.batches.retrieve("msgbatch_1"),
  "batches: list": () => all(client.messages.batches.list({ limit: 2 })),
  "batches: cancel": () => client.messages.batches.cancel("msgbatch_1"),
  "batches: results": async () => all(await client.messages.batches.results("msgbatch_1")),
  "batches: delete": () => client.messages.batches.delete("msgbatch_1"),
  "files: upload": async () => client.beta.files.upload({ file: await toFile(bytes, "p\u00e9.bin", { type: "a/b" }) }),
  "files: list": () => all(client.beta.files.list()),
  "files: get": () => client.beta.files.retrieveMetadata("file_1"),
  "files: download": async () => {
    const response = await client.beta.files.download("file_1");
    return Buffer.from(await response.arrayBuffer()).toString("hex");
  },
  "files: delete": () => client.beta.files.delete("file_1"),
  "fails without retries": create("fails-at-first:529", { maxRetries: 0 }),
};
for (const status of [400, 401, 403, 404, 413, 429, 500, 529]) calls[`fails ${status}`] = create(`fails:${status}`);
for (const status of [429, 500, 529]) calls[`fails ${status} at first`] = create(`fails-at-first:${status}`);

const outcomes = {};
for (const [name, call] of Object.entries(calls)) {
  try {
    const result = await call();
    outcomes[name] = [result, result?._request_id ?? null];
  } catch (error) {
    outcomes[name] = failure(error);
  }
}
console.log(JSON.stringify(outcomes));
