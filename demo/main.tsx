import { render } from "preact";
import { adapter, lookForAdapter } from "./app/adapter.ts";
import { followAddress } from "./app/address.ts";
import { App, followPlace } from "./app/app.tsx";
import { followTitle } from "./app/header.tsx";
import { listenToKeys } from "./app/keys.ts";
import { followNetwork, keepOffline } from "./app/offline.ts";
import { lookForKept, start } from "./app/studio.ts";

followAddress();
followNetwork();
followTitle();
followPlace();
listenToKeys();
render(<App />, document.body);

void lookForKept();
void keepOffline();
await lookForAdapter();
const moves = !matchMedia("(prefers-reduced-motion: reduce)").matches;
if (adapter.value.state === "none" && moves) void start();
