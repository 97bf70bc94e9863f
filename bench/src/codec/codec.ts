// Encoding and decoding of the messages that nearly all bytes belong to, beside protobuf-es on its own.
import { askChild } from "../child.js";
import type { Part } from "../part.js";
import { medianOf } from "../statistics.js";
import type { CodecSample } from "./codec-child.js";

export const codec: Part = async ({ updateBytes, runs = 5, onProgress }) => {
  const samples: CodecSample[][] = [];
  for (let run = 1; run <= runs; run++) {
    samples.push(
      (await askChild(new URL("./codec-child.js", import.meta.url), { updateBytes })) as CodecSample[],
    );
    onProgress(`run ${run} of ${runs}`);
  }
  const [first = []] = samples;
  const rows = first.map(({ name, updates, bytes }, i) => {
    const of = (value: (sample: CodecSample) => number) =>
      medianOf(samples.map((run) => value(run[i] as CodecSample)));
    const [encode, decode] = [of((sample) => sample.encode), of((sample) => sample.decode)];
    const [plainEncode, plainDecode] = [
      of((sample) => sample.plainEncode),
      of((sample) => sample.plainDecode),
    ];
    return [
      name,
      `${updates}`,
      bytes,
      encode,
      decode,
      encode / updates,
      decode / updates,
      plainEncode / encode,
      plainDecode / decode,
    ];
  });
  return {
    part: "codec",
    command: `pnpm bench codec --runs ${runs}`,
    about: `Updates of ${updateBytes} random bytes; nanoseconds; the last two columns say how much longer protobuf-es takes with reflection. Medians of ${runs} runs, each a process of its own.`,
    tables: [
      {
        title: "The hot messages",
        columns: [
          "message",
          "updates",
          "bytes",
          "encode, ns",
          "decode, ns",
          "encode, ns/update",
          "decode, ns/update",
          "protobuf-es encodes in",
          "decodes in, times",
        ],
        rows,
      },
    ],
    charts: [],
    targets: [],
  };
};
