/**
 * What StrykerJS loads of ours, by the names of its plugin interface.
 *
 * @module
 */

import { declareClassPlugin, declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";
import { KernelRunner } from "./kernel-runner.ts";
import { notBehaviour } from "./not-behaviour.ts";

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, "kernels", KernelRunner),
  declareValuePlugin(PluginKind.Ignore, "not-behaviour", notBehaviour),
];

/** The one option of ours; `KernelTestOptions` says what is in it. */
export const strykerValidationSchema = { properties: { kernelTests: { type: "object" } } };
