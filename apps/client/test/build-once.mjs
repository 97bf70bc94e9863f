// Tests with real processes run what users run: the built program.
import { buildOnce } from "../../../scripts/build-once.mjs";

export default () => buildOnce("paxos-client");
