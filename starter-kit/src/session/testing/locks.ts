/** Web Locks for a program without a browser, as far as one writer per profile needs them. */

interface Request {
  readonly grant: () => void;
  readonly steal: () => void;
}

export class Locks {
  readonly #held = new Map<string, Request>();
  readonly #queue = new Map<string, Request[]>();

  request(name: string, options: LockOptions, callback: (lock: unknown) => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request: Request = {
        grant: () => {
          this.#held.set(name, request);
          void callback({ name })
            .then(resolve, reject)
            .finally(() => this.#release(name, request));
        },
        steal: () => reject(new DOMException("stolen", "AbortError")),
      };
      const holder = this.#held.get(name);
      if (!holder) return request.grant();
      if (options.steal) {
        holder.steal();
        return request.grant();
      }
      if (options.ifAvailable) {
        callback(null).then(resolve, reject);
        return;
      }
      this.#queue.set(name, [...(this.#queue.get(name) ?? []), request]);
      options.signal?.addEventListener("abort", () => {
        this.#queue.set(name, (this.#queue.get(name) ?? []).filter((one) => one !== request));
        request.steal();
      });
    });
  }

  #release(name: string, request: Request): void {
    if (this.#held.get(name) !== request) return;
    this.#held.delete(name);
    this.#queue.get(name)?.shift()?.grant();
  }
}
