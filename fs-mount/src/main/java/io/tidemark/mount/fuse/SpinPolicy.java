package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;

/**
 * Decides whether a reader polls for the next request before it sleeps. Waking a sleeping thread on
 * an idle CPU costs about as much as five requests, so polling pays while requests follow one
 * another closely, and wastes a CPU otherwise. Fields are shared by the readers without locks: a
 * lost update only delays a decision.
 */
final class SpinPolicy {
  /** This many misses in a row end the spinning. */
  private static final int MISSES = 4;

  /** Short gaps in a row that start it; doubled each time that spinning turned out useless. */
  private static final int FIRST_NEEDED = 8;

  private static final int MOST_NEEDED = 4096;

  private static final long LOAD_CHECK_NANOS = 20_000_000;

  private final long spinNanos;
  private final long shortGapNanos;
  private final int cpus = Runtime.getRuntime().availableProcessors();
  private final int loadFd;
  private final ByteBuffer loadText = Native.scratch(64);

  private boolean spinning;
  private int misses;
  private int shortGaps;
  private int needed = FIRST_NEEDED;
  private int hits;
  private long nextLoadCheck;
  private boolean crowded;

  SpinPolicy(int spinMicros) {
    // On one CPU the client cannot run while a reader spins.
    spinNanos = cpus < 2 ? 0 : spinMicros * 1000L;
    // A gap seen by a sleeper contains its own wake-up.
    shortGapNanos = 2 * spinNanos + 50_000;
    loadFd =
        spinNanos == 0 ? -1 : Native.C.open(Native.cString("/proc/loadavg"), Native.O_CLOEXEC, 0);
  }

  /** 0 = sleep at once. */
  long spinNanos(long now) {
    if (spinNanos == 0 || !spinning) {
      return 0;
    }
    if (now - nextLoadCheck >= 0) {
      crowded = runnableThreads() > cpus;
      nextLoadCheck = now + LOAD_CHECK_NANOS;
    }
    return crowded ? 0 : spinNanos;
  }

  boolean measuresGaps() {
    return spinNanos > 0 && !spinning;
  }

  /** A request arrived while spinning. */
  void hit() {
    misses = 0;
    if (++hits >= 256) {
      hits = 0;
      needed = FIRST_NEEDED;
    }
  }

  void missed() {
    if (++misses >= MISSES) {
      spinning = false;
      misses = 0;
      hits = 0;
      shortGaps = 0;
      needed = Math.min(2 * needed, MOST_NEEDED);
    }
  }

  /** A reader slept this long for a request. */
  void slept(long nanos) {
    if (nanos > shortGapNanos) {
      shortGaps = 0;
    } else if (++shortGaps >= needed) {
      spinning = true;
    }
  }

  /** Threads running or ready on the whole machine: the "2" of "0.20 0.18 0.12 2/80 11206". */
  private int runnableThreads() {
    synchronized (loadText) {
      long n = Native.C.pread(loadFd, Native.address(loadText), loadText.capacity(), 0);
      int spaces = 0;
      int value = 0;
      for (int i = 0; i < n; i++) {
        byte c = loadText.get(i);
        if (c == ' ') {
          spaces++;
        } else if (spaces == 3) {
          if (c == '/') {
            return value;
          }
          value = 10 * value + c - '0';
        }
      }
      return 0;
    }
  }

  void close() {
    synchronized (loadText) {
      Native.close(loadFd);
    }
  }
}
