package io.tidemark.lease;

/**
 * Time since some fixed moment of this machine's past. Deadlines of a lease are measured with it:
 * it must not jump when somebody sets the wall clock, and it should go on while the machine is
 * suspended, because the store's clock does.
 */
@FunctionalInterface
public interface BootClock {
  /**
   * Nanoseconds; only differences mean something, and they may overflow. Called for each commit: no
   * allocation, no lock.
   */
  long nanos();

  /**
   * {@link System#nanoTime}, on Linux CLOCK_MONOTONIC: it <em>stops during suspend</em>. A machine
   * that slept believes afterwards that its lease is as fresh as before; only the next renewal (and
   * the epochs that the members enforce) tell it otherwise. A node passes CLOCK_BOOTTIME instead.
   */
  static BootClock monotonic() {
    return System::nanoTime;
  }
}
