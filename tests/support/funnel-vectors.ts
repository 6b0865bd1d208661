/** The table of vectors for funnels; minutes, a window of 60. */
export interface FunnelVector {
  readonly events: string;
  /** Absent: A, B, C. */
  readonly steps?: readonly string[];
  readonly order?: "ordered" | "strict" | "any_order";
  readonly entry?: "first";
  /** X is excluded, or another name, anywhere or between two steps. */
  readonly exclusion?: { readonly name?: string; readonly from?: number; readonly to?: number };
  /** Range in minutes. */
  readonly start?: number;
  readonly end?: number;
  /** Step that the user reaches. */
  readonly reached: number;
}

const ab = ["A", "B"];
const between2And3 = { from: 2, to: 3 };

export const funnelVectors: readonly FunnelVector[] = [
  { events: "A0 A30 B45 C75", reached: 3 },
  { events: "A0 A30 B45 C75", entry: "first", reached: 2 },
  { events: "A0 B50 C100", reached: 2 },
  { events: "A0 B60", steps: ab, reached: 2 },
  { events: "A0 B60.001", steps: ab, reached: 1 },
  { events: "A0 B0", steps: ab, reached: 2 },
  { events: "A0", steps: ["A", "A"], reached: 1 },
  { events: "A0 A10", steps: ["A", "A"], reached: 2 },
  { events: "A0 A0", steps: ["A", "A"], reached: 2 },
  { events: "A0 X5 A6 B7", steps: ab, reached: 2 },
  { events: "A0 X5 A6 B7", steps: ab, order: "strict", reached: 2 },
  { events: "A0 X5 B7", steps: ab, reached: 2 },
  { events: "A0 X5 B7", steps: ab, order: "strict", reached: 1 },
  { events: "A0 X5 B10", steps: ab, exclusion: {}, reached: 1 },
  { events: "A0 X5 A6 B7", steps: ab, exclusion: {}, reached: 2 },
  { events: "A0 X0 B5", steps: ab, exclusion: {}, reached: 2 },
  { events: "A0 B5 X5 C9", exclusion: {}, reached: 2 },
  { events: "A0 B1 X2 B3 C4", exclusion: between2And3, reached: 2 },
  { events: "A0 B0 X5 B20 C30", exclusion: between2And3, reached: 2 },
  { events: "A0 B5 X5 C9", exclusion: between2And3, reached: 2 },
  { events: "A0 B5 B6 C9", exclusion: { name: "B", ...between2And3 }, reached: 2 },
  { events: "A0 B5 B5 C9", exclusion: { name: "B", ...between2And3 }, reached: 3 },
  { events: "B0 A10", steps: ab, reached: 1 },
  { events: "B0 A10", steps: ab, order: "any_order", reached: 2 },
  { events: "A0 C10 B20", reached: 2 },
  { events: "A0 C10 B20", order: "any_order", reached: 3 },
  { events: "A0 X5 C10 B20", exclusion: {}, reached: 1 },
  { events: "A0 X5 C10 B20", order: "any_order", exclusion: {}, reached: 2 },
  { events: "A20 B40", steps: ab, end: 30, reached: 2 },
  { events: "A0 B20", steps: ab, start: 10, reached: 0 },
];
