// SPDX-License-Identifier: MIT
// table.mjs - numbers into Markdown tables.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Three digits that say something.
export function digits(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (Number.isInteger(value) || value >= 100) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

// "1.07 (0.98–1.12)": median and range of what each round gave.
export function ratioOf(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return `${median(values).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

const cell = (value) => (typeof value === 'number' ? digits(value) : String(value));

// {columns: [text], rows: [[text | number]], note}
export function formatTable({ columns, rows, note }) {
  const lines = [columns, columns.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map((row) => row.map(cell))];
  const table = lines.map((row) => `| ${row.join(' | ')} |`).join('\n');
  return note ? `${table}\n\n${note}\n` : `${table}\n`;
}
