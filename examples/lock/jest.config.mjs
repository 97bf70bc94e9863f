import base from "../../jest.config.base.mjs";

export default { ...base, globalSetup: "<rootDir>/test/build-once.mjs" };
