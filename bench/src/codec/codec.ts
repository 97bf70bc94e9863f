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
    // Bytes in a nanosecond, a thousand times as many in a microsecond: so many MB in a second.
    const megabytes = (nanos: number) => (bytes * 1000) / nanos;
    return [
      [
        name,
        `${updates}`,
        encode,
        plainEncode,
        plainEncode / encode,
        decode,
        plainDecode,
        plainDecode / decode,
      ],
      [name, `${updates}`, bytes, encode / updates, decode / updates, megabytes(encode), megabytes(decode)],
    ] as const;
  });
  return {
    part: "codec",
    command: `pnpm bench codec --runs ${runs}`,
    about: `Updates of ${updateBytes} random bytes; nanoseconds of processor time. Beside it the functions toBinary and fromBinary of protobuf-es, which go by reflection. Medians of ${runs} runs, each a process of its own.`,
    tables: [
      {
        title: "The hot messages",
        columns: [
          "message",
          "updates",
          "encode, ns",
          "protobuf-es",
          "times",
          "decode, ns",
          "protobuf-es",
          "times",
        ],
        rows: rows.map(([beside]) => beside),
      },
      {
        title: "By update and by byte",
        columns: [
          "message",
          "updates",
          "bytes",
          "encode, ns/update",
          "decode, ns/update",
          "encode, MB/s",
          "decode, MB/s",
        ],
        rows: rows.map(([, parts]) => parts),
      },
    ],
    charts: [],
    targets: [],
  };
};
