import type { Activations } from "webgraft";
import { Picture } from "../race/picture.tsx";
import { grey, Pixels, signed } from "./pixels.tsx";
import { chosen, filters, layer, maps, picture, pictures } from "./state.ts";
import { layerInWords, operationsInWords, shapeInWords } from "./words.ts";

/** More maps than one can look at are not drawn. */
const MOST_MAPS = 64;

/** What a layer makes of an image, and the filters it does it with. */
export function FeatureMaps() {
  const at = layer.value;
  return (
    <section aria-labelledby="maps">
      <h2 id="maps">What it sees</h2>
      <fieldset class="pictures">
        <legend>Image</legend>
        {pictures.value.map((each) => (
          <button
            key={each.name}
            type="button"
            aria-pressed={picture.value === each}
            aria-label={each.name}
            onClick={() => {
              chosen.value = each.name;
            }}
          >
            <Picture pixels={each.pixels} />
          </button>
        ))}
      </fieldset>
      {!at && <p class="hint">Choose a layer above, down to a single one, to see its maps and filters.</p>}
      {at && (
        <>
          <h3>
            {layerInWords(at.label)} <small>{operationsInWords(at.operations)}</small>
          </h3>
          <p class="hint">
            {shapeInWords(at.shape)}, for the image above. Each square is one channel, from black (its lowest
            value) to white (its highest).
          </p>
          {maps.value && <Maps {...maps.value} />}
          {filters.value && <Filters {...filters.value} />}
        </>
      )}
    </section>
  );
}

function Maps({ shape, values }: Activations) {
  const [, height = 1, width = 1, channels = 1] = shape.length === 4 ? shape : [1, 1, shape[1], 1];
  const shown = Math.min(channels, MOST_MAPS);
  return (
    <>
      <div class="maps">
        {Array.from({ length: shown }, (_, c) => {
          const map = Array.from({ length: height * width }, (_, i) => values[i * channels + c]!);
          const [low, high] = [Math.min(...map), Math.max(...map)];
          const words = `Channel ${c + 1}: ${low.toPrecision(2)} to ${high.toPrecision(2)}`;
          return (
            <figure key={c} title={words}>
              <Pixels values={map} {...{ width, height }} colour={grey(low, high)} alt={words} />
            </figure>
          );
        })}
      </div>
      {shown < channels && (
        <p class="hint">
          The first {shown} of {channels} channels.
        </p>
      )}
    </>
  );
}

/** (R, S, C, K): a row for each of the first input channels, a column for each of the first output channels. */
function Filters({ shape, values }: Activations) {
  const [R = 1, S = 1, C = 1, K = 1] = shape;
  const [rows, columns] = [Math.min(C, 8), Math.min(K, 16)];
  const most = values.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  const width = columns * (S + 1) - 1;
  const height = rows * (R + 1) - 1;
  const picture = new Float32Array(width * height);
  for (let c = 0; c < rows; c++)
    for (let k = 0; k < columns; k++)
      for (let r = 0; r < R; r++)
        for (let s = 0; s < S; s++) {
          picture[(c * (R + 1) + r) * width + k * (S + 1) + s] = values[((r * S + s) * C + c) * K + k]!;
        }
  return (
    <>
      <h3>Filters</h3>
      <p class="hint">
        {R} × {S} weights each: a column for each channel that it makes ({columns} of {K}), a row for each
        that it takes ({rows} of {C}). Violet is positive, rust negative, full colour {most.toPrecision(2)}.
      </p>
      <Pixels
        class="pixels filters"
        values={picture}
        {...{ width, height }}
        colour={signed(most)}
        alt={`Filters of ${rows} × ${columns} channels`}
      />
    </>
  );
}
