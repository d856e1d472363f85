// Each endpoint of the local API, asked by OpenAI's own client in JavaScript.
//
// Environment: OPENAI_BASE_URL and OPENAI_API_KEY, which the client reads itself, and
// CLIENT_MODULES, the directory it is installed in. Prints one JSON object: for each check what
// came of it, or the error.

import { createRequire } from "node:module";
import { join } from "node:path";
import { Buffer } from "node:buffer";

const modules = createRequire(join(process.env.CLIENT_MODULES, "client.js"));
const { OpenAI, toFile } = modules("openai");
const client = new OpenAI({ maxRetries: 0, timeout: 300_000 });

const PNG = Buffer.from(process.env.CLIENT_PNG, "base64");
const WAV = Buffer.from(process.env.CLIENT_WAV, "base64");
const HI = [{ role: "user", content: "hi" }];
const CHAT = { model: "synthetic-llm", messages: HI };
const SCHEMA = {
  name: "n",
  schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
};

const png = () => toFile(PNG, "a.png", { type: "image/png" });
const wav = () => toFile(WAV, "a.wav", { type: "audio/wav" });
const head = (data) => Buffer.from(data).subarray(0, 4).toString("latin1");
const all = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
};

const checks = {
  async models() {
    const names = (await all(client.models.list())).map((model) => model.id);
    for (const name of names) {
      if ((await client.models.retrieve(name)).id !== name) throw new Error(name);
    }
    return names;
  },

  async picture() {
    const made = await client.images.generate({
      model: "gpt-image-1", prompt: "a fox", size: "64x48", n: 2, response_format: "b64_json",
    });
    return made.data.map((each) => head(Buffer.from(each.b64_json, "base64")));
  },

  async pictureByAddress() {
    const made = await client.images.generate({
      model: "procedural", prompt: "a", size: "32x32", response_format: "url",
    });
    const shown = await fetch(made.data[0].url);
    return [shown.status, head(await shown.arrayBuffer())];
  },

  async pictureStream() {
    const events = await all(
      await client.images.generate({
        model: "procedural", prompt: "a", size: "32x32", stream: true, partial_images: 2,
      }),
    );
    const last = events.at(-1);
    return [last.type, head(Buffer.from(last.b64_json, "base64"))];
  },

  async edit() {
    const made = await client.images.edit({
      model: "procedural", prompt: "snow", size: "32x32", image: await png(), mask: await png(),
    });
    return head(Buffer.from(made.data[0].b64_json, "base64"));
  },

  async variation() {
    const made = await client.images.createVariation({
      model: "procedural", image: await png(), size: "32x32",
    });
    return head(Buffer.from(made.data[0].b64_json, "base64"));
  },

  async speech() {
    const made = await client.audio.speech.create({
      model: "tts-1", voice: "alloy", input: "hello", response_format: "wav",
    });
    return [made.headers.get("content-type"), head(await made.arrayBuffer())];
  },

  async transcript() {
    const asked = { model: "whisper-1", language: "en" };
    const plain = await client.audio.transcriptions.create({ ...asked, file: await wav() });
    const verbose = await client.audio.transcriptions.create({
      ...asked, file: await wav(), response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
    });
    const srt = await client.audio.transcriptions.create({
      ...asked, file: await wav(), response_format: "srt",
    });
    const events = await all(
      await client.audio.transcriptions.create({ ...asked, file: await wav(), stream: true }),
    );
    const translated = await client.audio.translations.create({
      model: "whisper-1", file: await wav(),
    });
    return {
      same: [plain.text === verbose.text, events.at(-1).text === plain.text],
      words: verbose.words.length > 0,
      srt: srt.slice(0, 20),
      done: events.at(-1).type,
      translated: translated.text.length > 0,
    };
  },

  async chat() {
    const whole = await client.chat.completions.create(CHAT);
    const chunks = await all(
      await client.chat.completions.create({
        ...CHAT, stream: true, stream_options: { include_usage: true },
      }),
    );
    const told = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    return {
      role: whole.choices[0].message.role,
      finish: whole.choices[0].finish_reason,
      same: told === whole.choices[0].message.content,
      usage: chunks.at(-1).usage.total_tokens === whole.usage.total_tokens,
    };
  },

  async chatHelper() {
    const stream = client.chat.completions.stream(CHAT);
    return (await stream.finalContent()) === (await stream.finalMessage()).content;
  },

  async severalAnswers() {
    const whole = await client.chat.completions.create({ ...CHAT, n: 2 });
    return whole.choices.map((choice) => choice.index);
  },

  async answerBySchema() {
    const said = await client.chat.completions.create({
      ...CHAT, response_format: { type: "json_schema", json_schema: SCHEMA },
    });
    return Number.isInteger(JSON.parse(said.choices[0].message.content).n);
  },

  async pictureInChat() {
    const url = `data:image/png;base64,${PNG.toString("base64")}`;
    const content = [{ type: "text", text: "what" }, { type: "image_url", image_url: { url } }];
    const said = await client.chat.completions.create({
      ...CHAT, messages: [{ role: "user", content }],
    });
    return said.choices[0].message.content.length > 0;
  },

  async completion() {
    const asked = { model: "synthetic-llm", prompt: "hi" };
    const plain = await client.completions.create(asked);
    const parts = await all(await client.completions.create({ ...asked, stream: true }));
    return parts.map((part) => part.choices[0].text).join("") === plain.choices[0].text;
  },

  async response() {
    const asked = { model: "synthetic-llm", input: "hi", instructions: "be brief" };
    const whole = await client.responses.create(asked);
    const events = await all(await client.responses.create({ ...asked, stream: true }));
    const told = events
      .filter((event) => event.type === "response.output_text.delta")
      .map((event) => event.delta).join("");
    return [whole.status, events.at(-1).type, told === whole.output_text];
  },

  async errors() {
    const failures = [
      [client, (c) => c.chat.completions.create({ ...CHAT, model: "no-such" })],
      [client, (c) => c.chat.completions.create({ ...CHAT, logprobs: true })],
      [client, (c) => c.models.retrieve("no/such")],
      [client, (c) => c.images.generate({ prompt: "x", size: "1x99999999" })],
      [new OpenAI({ apiKey: "wrong", maxRetries: 0 }), (c) => c.models.list()],
    ];
    const found = [];
    for (const [asking, call] of failures) {
      try {
        await call(asking);
        found.push("none");
      } catch (error) {
        found.push([error.constructor.name, error.status, error.code ?? null, error.param ?? null]);
      }
    }
    return found;
  },

  async leaving() {
    const gone = new AbortController();
    const asking = client.images.generate(
      { model: "procedural", prompt: "x", size: "4096x4096", n: 10 }, { signal: gone.signal },
    );
    setTimeout(() => gone.abort(), 200);
    try {
      await asking;
      return "answered";
    } catch (error) {
      return error.constructor.name;
    }
  },
};

const outcomes = {};
for (const [name, check] of Object.entries(checks)) {
  try {
    outcomes[name] = { found: await check() };
  } catch (error) {
    outcomes[name] = { error: String(error?.stack ?? error) };
  }
}
console.log(JSON.stringify(outcomes));
