// Tests start the built programs.
import { buildOnce } from "../../../scripts/build-once.mjs";

export default () => buildOnce("kv-example");
