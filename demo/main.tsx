import { render } from "preact";
import { followAddress } from "./app/address.ts";
import { App } from "./app/app.tsx";

followAddress();
render(<App />, document.body);
