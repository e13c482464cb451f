import { Fragment } from "preact";
import { count } from "../app/words.ts";
import { device } from "./state.ts";

/** `maxBufferSize` is `max buffer size`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const amount = (name: string, value: number): string =>
  /Size$/.test(name) && value >= 2 ** 20 ? `${count(value / 2 ** 20)} MiB` : count(value);

/** What the browser tells of the GPU. */
export function DevicePanel() {
  const about = device.value;
  if (!about) return null;
  return (
    <section aria-labelledby="device">
      <h2 id="device">GPU</h2>
      <dl class="figures">
        <dt>Adapter</dt>
        <dd>{about.adapter}</dd>
        {about.limits.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{words(name)}</dt>
            <dd>{amount(name, value)}</dd>
          </Fragment>
        ))}
        <dt>Features</dt>
        <dd>{about.features.map((name) => name.replaceAll("-", " ")).join(", ") || "none"}</dd>
      </dl>
    </section>
  );
}
