// What is done to the files of a store.
import { cp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One thing that is done to one file. */
export interface Damage {
  readonly file: string;
  readonly kind: "flip" | "truncate" | "delete" | "zero";
  /** The byte in which a bit is flipped, the length that is left, or where zeros begin. */
  readonly at: number;
  /** The bit that is flipped, or how many zeros. */
  readonly extent: number;
}

/**
 * All damages of a store: a bit of every byte flipped, files cut off at every length up to 4 KiB and every 16 bytes above,
 * zeroed in part, and deleted.
 */
export async function allDamages(directory: string): Promise<Damage[]> {
  const damages: Damage[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const { size } = await stat(join(directory, file));
    damages.push({ file, kind: "delete", at: 0, extent: 0 });
    for (let at = 0; at < size; at++) {
      damages.push({ file, kind: "flip", at, extent: (at * 5 + 3) % 8 });
      if (at < 4096 || at % 16 === 0) damages.push({ file, kind: "truncate", at, extent: 0 });
      if (at % 64 === 0) damages.push({ file, kind: "zero", at, extent: at % 512 === 0 ? 512 : 64 });
    }
  }
  return damages;
}

/** Makes a damaged copy of a store. */
export async function copyDamaged(store: string, copy: string, damage: Damage): Promise<void> {
  await rm(copy, { recursive: true, force: true });
  await cp(store, copy, { recursive: true });
  const path = join(copy, damage.file);
  if (damage.kind === "delete") return await rm(path);
  if (damage.kind === "truncate") return await truncate(path, damage.at);
  const bytes = await readFile(path);
  if (damage.kind === "zero") bytes.subarray(damage.at, damage.at + damage.extent).fill(0);
  else if (damage.kind === "flip") bytes[damage.at] = (bytes[damage.at] ?? 0) ^ (1 << damage.extent);
  await writeFile(path, bytes);
}

export function describeDamage({ file, kind, at, extent }: Damage): string {
  if (kind === "delete") return `${file} deleted`;
  if (kind === "truncate") return `${file} cut off at ${at}`;
  if (kind === "zero") return `${file}: ${extent} zeros from ${at} on`;
  return `${file}: bit ${extent} of byte ${at} flipped`;
}
