/**
 * Where the page begins.
 *
 * @module
 */

import { render } from "preact";
import { App } from "./app.tsx";
import { connection } from "./live/connection.ts";
import { followLinks } from "./router.ts";
import { applyTheme } from "./theme.ts";
import "./styles/index.css";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");
applyTheme();
followLinks();
void connection.begin();
render(<App />, root);
