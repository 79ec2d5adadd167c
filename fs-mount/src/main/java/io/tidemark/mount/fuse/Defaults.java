package io.tidemark.mount.fuse;

/** Choices that depend on the machine; docs/PERFORMANCE.md has the measurements behind them. */
final class Defaults {
  private Defaults() {}

  /** One reader keeps its caches warm; more only pay where clients fill several CPUs. */
  static int leaders() {
    int cpus = Runtime.getRuntime().availableProcessors();
    return cpus <= 4 ? 1 : Math.min(4, cpus / 4 + 1);
  }

  /** Microseconds: about what waking a thread on an idle virtual CPU costs. */
  static int spinMicros() {
    return Runtime.getRuntime().availableProcessors() < 2 ? 0 : 50;
  }
}
