// SPDX-License-Identifier: MIT
// scope.mjs - the life of one scenario: what it started ends with it, the last first. Stands where the
// harness expects a test's context.

export class Scope {
  #steps = [];

  after(step) {
    this.#steps.push(step);
  }

  // All of them, however the ones before fared; throws the first fault.
  async close() {
    const faults = [];
    while (this.#steps.length > 0) {
      try {
        await this.#steps.pop()();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }
}
