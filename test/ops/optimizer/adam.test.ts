import { describe } from "vitest";
import { testOptimizer } from "../../support/op/update-test.ts";
import { adam } from "./adam.ts";

describe("adam", () => testOptimizer(adam));
