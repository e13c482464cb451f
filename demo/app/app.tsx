import { Compare } from "../compare/compare.tsx";
import { Images } from "../images/images.tsx";
import { Inspect } from "../inspect/inspect.tsx";
import { RacePlace } from "../race/race.tsx";
import { addressOf, type Place, place, places } from "./address.ts";

const titles: Readonly<Record<Place, string>> = {
  race: "Race",
  inspect: "Inspect",
  compare: "Compare",
  images: "Your images",
};

const views: Readonly<Record<Place, () => preact.JSX.Element>> = {
  race: RacePlace,
  inspect: Inspect,
  compare: Compare,
  images: Images,
};

export function App() {
  const View = views[place.value];
  return (
    <>
      <header class="top">
        <a class="name" href={addressOf("race")}>
          Webgraft
        </a>
        <nav aria-label="Places">
          {places.map((name) => (
            <a key={name} href={addressOf(name)} aria-current={place.value === name ? "page" : undefined}>
              {titles[name]}
            </a>
          ))}
        </nav>
      </header>
      <main id="main">
        <View />
      </main>
    </>
  );
}
