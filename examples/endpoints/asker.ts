/**
 * Runs inside a job: looks the name up until it is there, and asks whoever has it.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { connect } from "capstan";

await using client = await connect();

async function find(name: string): Promise<string> {
  for (;;) {
    const { endpoints } = (await client.call("ListEndpoints", { name })) as {
      readonly endpoints: readonly { readonly address: string }[];
    };
    if (endpoints.length > 0) return endpoints[0].address;
    await pause(100);
  }
}

const address = await find(`${process.env.SCORER}`);
const answer = await fetch(`http://${address}/?value=6`);
console.log(`the score of 6 is ${await answer.text()}`);
