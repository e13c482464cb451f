import { isOpen, pause, phase, problem, progress, record, resume, start, stop } from "../app/studio.ts";

/** The first screen: the same images to several networks, in turn. */
export function RacePlace() {
  const run = record.value;
  const log = run?.seeds.at(-1);
  return (
    <>
      <h1>Does a shortcut help a network learn?</h1>
      {!isOpen.value && (
        <button type="button" onClick={() => void start()}>
          Race
        </button>
      )}
      {isOpen.value && (
        <>
          <button type="button" onClick={() => (phase.value === "paused" ? resume() : pause())}>
            {phase.value === "paused" ? "Go on" : "Pause"}
          </button>
          <button type="button" onClick={stop}>
            Stop
          </button>
        </>
      )}
      <p role="status">
        {phase.value} {progress.value.done}/{progress.value.of} {problem.value}
      </p>
      <p>
        seed {log?.seed} step {log?.steps.at(-1)?.step} of {log?.totalSteps};{" "}
        {log?.samples.at(-1)?.accuracies.join(" ")}
      </p>
      <p>{run?.verdict?.sentence}</p>
    </>
  );
}
