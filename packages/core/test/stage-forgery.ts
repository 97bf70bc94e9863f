// The command of transcripts for what no node would send.
import { create } from "@bufbuild/protobuf";
import { encodeMessage, MessageSchema } from "@paxos/proto";
import type { Stage } from "./stage.js";
import { integer, links, UsageError, type Words } from "./stage-words.js";

/** Puts a Prepare on its way that its sender has not sent, as a peer with a bug might. */
export function forge(stage: Stage, [link = "", kind = "", ...words]: Words): void {
  if (kind !== "Prepare") throw new UsageError(`"${kind}" cannot be forged`);
  const [ends] = links([link]);
  if (ends === undefined) throw new UsageError(`"${link}" is no link`);
  const field = (name: string): bigint => {
    const word = words.find((one) => one.startsWith(`${name}=`));
    return BigInt(integer(word?.slice(name.length + 1) ?? ""));
  };
  const { from, to } = ends;
  const message = create(MessageSchema, {
    from: BigInt(from),
    to: BigInt(to),
    epoch: field("epoch"),
    storeId: stage.cluster.member(from).disk.storeId,
    type: {
      case: "prepare",
      value: { nodeId: BigInt(from), view: field("view"), localAru: field("aru") },
    },
  });
  stage.cluster.network.push({ from, to, bytes: encodeMessage(message) });
}
