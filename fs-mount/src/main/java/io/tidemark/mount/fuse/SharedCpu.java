package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets the reader of a lone client work on that client's CPU.
 *
 * <p>A client that waits for its answer uses no CPU, so both can take turns on one: a request then
 * costs two context switches. Left alone, the scheduler puts whoever is woken on an idle CPU, and
 * on a virtual machine waking that costs many times as much, twice for every request.
 *
 * <p>Two things keep them together. The reader is bound to the CPU that the client ran on last, so
 * that a request wakes it there. And it is a SCHED_IDLE thread: to the scheduler a CPU that runs
 * nothing else counts as idle, so the client that it answers stays there, and takes the CPU from
 * the reader at once; the reader goes on when the client waits again.
 *
 * <p>The price: whatever else wants that CPU comes first, and the reader may not move. A watchdog
 * looks regularly, and a reader that is late is set free ({@link #rescue}); each time that happens,
 * more requests in a row are needed before the next attempt.
 *
 * <p>Threads inherit CPUs and policy of the thread that starts them, so request threads must start
 * none that would not set its own ({@link #makeOrdinary}).
 *
 * <p>Used by the one leader only, except for {@link #rescue}: the watchdog calls it.
 */
final class SharedCpu {
  private static final Logger log = LoggerFactory.getLogger(SharedCpu.class);

  private static final int SCHED_OTHER = 0;
  private static final int SCHED_IDLE = 5;

  /** IOPRIO_CLASS_BE, level 4. */
  private static final int IOPRIO_BEST_EFFORT_NORMAL = 2 << 13 | 4;

  /** struct sched_param of policies without priority. */
  private static final ByteBuffer NO_PRIORITY = Native.scratch(4);

  private static final long NO_PRIORITY_ADDRESS = Native.address(NO_PRIORITY);

  /** Requests in a row of one client that begin the sharing; doubled by each rescue. */
  private static final int FIRST_NEEDED = 16;

  private static final int MOST_NEEDED = 1 << 16;

  /** After so many requests it is looked again where the client runs; a power of two. */
  private static final int LOOK_EVERY = 4;

  /** So many shared requests without a rescue halve what is needed. */
  private static final int GOOD_RUN = 1024;

  private final boolean possible;
  private final Affinity allowed;
  private final Affinity bound = Affinity.of(List.of());
  private final Affinity others = Affinity.of(List.of());

  /** The thread of the watchdog; 0 before it runs. */
  private int watchdogTid;

  /** Where the watchdog runs while nothing is shared. */
  private Affinity watchdogCpus;

  private int tid;
  private int inARow;
  private int needed = FIRST_NEEDED;
  private int goodRun;
  private int statFd = -1;
  private final ByteBuffer stat = Native.scratch(1024);

  /** The CPU that the leader is bound to, or -1. */
  private volatile int cpu = -1;

  /** The thread that is bound to it. */
  private int leaderTid;

  /**
   * @param wanted false to never share
   * @param allowed CPUs that request threads may use
   */
  SharedCpu(boolean wanted, Affinity allowed) {
    this.allowed = allowed;
    possible = wanted && Runtime.getRuntime().availableProcessors() > 1 && mayComeBack();
  }

  /**
   * To leave SCHED_IDLE again needs CAP_SYS_NICE, or a RLIMIT_NICE that few have. Tried on a thread
   * of its own, which ends then.
   */
  private static boolean mayComeBack() {
    boolean[] may = {false};
    Thread probe =
        new Thread(
            () -> {
              may[0] =
                  Native.C.sched_getscheduler(0) == SCHED_OTHER
                      && setPolicy(0, SCHED_IDLE)
                      && setPolicy(0, SCHED_OTHER);
            },
            "fuse-scheduling-probe");
    probe.setDaemon(true);
    probe.start();
    try {
      probe.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    return may[0];
  }

  private static boolean setPolicy(int tid, int policy) {
    return Native.C.sched_setscheduler(tid, policy, NO_PRIORITY_ADDRESS) >= 0;
  }

  static void makeIdle(int tid) {
    setPolicy(tid, SCHED_IDLE);
  }

  boolean isPossible() {
    return possible;
  }

  /** The CPU that the leader is bound to, or -1. */
  int cpu() {
    return cpu;
  }

  /** The calling thread is the watchdog. */
  synchronized void iAmTheWatchdog() {
    watchdogCpus = Affinity.ofThisThread();
    watchdogTid = Native.C.gettid();
  }

  /** Whether the leader is bound to its client's CPU. */
  boolean isOn() {
    return cpu >= 0;
  }

  /**
   * The leader took a request of the only client.
   *
   * @param client its thread
   * @param self the leader's
   */
  synchronized void requested(int client, int self) {
    if (!possible) {
      return;
    }
    if (client != tid) {
      forget();
      tid = client;
    }
    inARow++;
    if (cpu < 0 ? inARow >= needed : (inARow & LOOK_EVERY - 1) == 0) {
      follow(self);
    }
    if (cpu >= 0 && ++goodRun >= GOOD_RUN) {
      goodRun = 0;
      needed = Math.max(FIRST_NEEDED, needed / 2);
    }
  }

  private void follow(int self) {
    int now = cpuOfClient();
    if (now < 0 || !allowed.contains(now)) {
      stop();
      inARow = Integer.MIN_VALUE / 2; // do not ask at every request
      return;
    }
    if (now == cpu) {
      return;
    }
    bound.only(now);
    cpu = now;
    leaderTid = self;
    if (!bound.apply(self) || !setPolicy(self, SCHED_IDLE)) {
      stop();
      return;
    }
    if (watchdogTid != 0) {
      // Where the watchdog wakes up, the scheduler tries to move others away.
      others.allBut(watchdogCpus, now);
      others.apply(watchdogTid);
    }
    inARow = 0;
  }

  /** The leader may run anywhere again. Also called by the watchdog. */
  synchronized void stop() {
    inARow = 0;
    goodRun = 0;
    if (cpu >= 0) {
      cpu = -1;
      setPolicy(leaderTid, SCHED_OTHER);
      allowed.apply(leaderTid);
      if (watchdogTid != 0) {
        watchdogCpus.apply(watchdogTid);
      }
    }
  }

  private void forget() {
    stop();
    tid = 0;
    close();
  }

  /**
   * The calling thread is new: whatever it has of the thread that started it, it gets the policy
   * and the CPUs of a request thread that shares with nobody. Its I/O priority does not depend on
   * the policy from here on: that of a SCHED_IDLE thread lets its syncs wait for everybody else's
   * (ioprio_set(2)).
   */
  void makeOrdinary() {
    if (!possible) {
      return;
    }
    setPolicy(0, SCHED_OTHER);
    allowed.apply(0);
    if (Native.setIoPriority(IOPRIO_BEST_EFFORT_NORMAL) < 0) {
      log.debug("cannot set the I/O priority: {}", Errno.name(Native.errno()));
    }
  }

  /** The leader is late. Called by the watchdog. */
  synchronized void rescue() {
    if (cpu >= 0) {
      needed = Math.min(2 * needed, MOST_NEEDED);
      stop();
    }
  }

  /** The field "processor" of /proc/TID/stat, or -1. */
  private int cpuOfClient() {
    if (statFd < 0) {
      statFd = Native.C.open(Native.cString("/proc/" + tid + "/stat"), Native.O_CLOEXEC, 0);
      if (statFd < 0) {
        return -1;
      }
    }
    int n = (int) Native.C.pread(statFd, Native.address(stat), stat.capacity(), 0);
    if (n < 0) {
      close(); // it has ended
    }
    int at = n - 1;
    while (at >= 0 && stat.get(at) != ')') {
      at--;
    }
    // proc(5): what follows the name is field 3; the processor is field 39
    for (int field = 2; at >= 0 && at < n && field < 39; at++) {
      if (stat.get(at) == ' ') {
        field++;
      }
    }
    if (at < 0 || at >= n) {
      return -1;
    }
    int value = 0;
    for (; at < n && stat.get(at) >= '0' && stat.get(at) <= '9'; at++) {
      value = 10 * value + stat.get(at) - '0';
    }
    return value < Affinity.MOST_CPUS ? value : -1;
  }

  synchronized void close() {
    Native.close(statFd);
    statFd = -1;
  }
}
