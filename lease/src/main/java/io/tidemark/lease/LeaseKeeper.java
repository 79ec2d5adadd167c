package io.tidemark.lease;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps an ownership and says whether it is still held. One thread watches the deadline, another
 * makes the renewals, so that a call that never returns cannot hide a loss.
 *
 * <p>Invariant: {@link #isHeld} is true only before the deadline of a renewal that the store has
 * confirmed, whatever the threads do. The loss is reported once, after {@code isHeld} has become
 * false for good.
 */
public final class LeaseKeeper implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LeaseKeeper.class);

  /** Waits do not count a suspend, so the clock is looked at this often. */
  private static final long LONGEST_WAIT = TimeUnit.SECONDS.toNanos(1);

  private final Lease lease;
  private final BootClock clock;
  private final Consumer<String> onLost;
  private final Tenure tenure; // guarded by this
  private volatile boolean givingUp;
  private boolean renewing; // guarded by this
  private final Thread watcher = thread("lease-keeper", this::watchDeadline);
  private final Thread renewer = thread("lease-renewal", this::renewWhenDue);
  private volatile long deadline;
  private volatile boolean over;

  /**
   * @param onLost gets the reason, once, on a thread of the keeper, which has nothing else to do
   */
  public LeaseKeeper(Lease lease, BootClock clock, Consumer<String> onLost) {
    this.lease = Objects.requireNonNull(lease);
    this.clock = Objects.requireNonNull(clock);
    this.onLost = Objects.requireNonNull(onLost);
    tenure = new Tenure(lease.granted());
    deadline = tenure.deadline();
  }

  private static Thread thread(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /** Begins to renew. Once. */
  public void start() {
    LeaseTimes times = tenure.times();
    LOG.info(
        "lease acquired by {}: renewed every {} ms, given up {} ms after the last success",
        lease.owner(),
        times.renewEvery().toMillis(),
        times.ttl().minus(times.margin()).toMillis());
    watcher.start();
    renewer.start();
  }

  /**
   * Whether this process may write. For the commit path: two volatile reads and the clock. False is
   * final, except in the instant in which a renewal extends the deadline.
   */
  public boolean isHeld() {
    return !over && deadline - clock.nanos() > 0;
  }

  /**
   * {@link BootClock#nanos} of the moment from which {@link #isHeld} is false if nothing happens.
   */
  public long deadline() {
    return deadline;
  }

  public synchronized LeaseState state() {
    return tenure.state();
  }

  /** Why {@link #state} is what it is, for status and messages. */
  public synchronized String reason() {
    return tenure.reason();
  }

  /** Stops renewing; does not release. {@code onLost} is not called after this. */
  @Override
  public void close() {
    transition(tenure::close);
  }

  /** Every change of the tenure goes through here: publishes what follows from it, and logs it. */
  private synchronized void transition(Runnable change) {
    LeaseState before = tenure.state();
    change.run();
    deadline = tenure.deadline();
    if (tenure.state().isOver()) {
      over = true;
      renewer.interrupt();
    }
    if (tenure.state() != before) {
      log(before);
    }
    notifyAll();
  }

  private void log(LeaseState before) {
    String text = "lease {} (was {}): {}";
    switch (tenure.state()) {
      case HELD, CLOSED -> LOG.info(text, tenure.state(), before, tenure.reason());
      case DOUBTFUL, LOST -> {
        if (givingUp) {
          LOG.info(text, tenure.state(), before, tenure.reason());
        } else {
          LOG.warn(text, tenure.state(), before, tenure.reason());
        }
      }
    }
  }

  /** Whether this process is giving the ownership up: then its loss is no surprise. */
  public void givingUp(boolean now) {
    givingUp = now;
  }

  /** For tests that move the clock: the threads look at it now. */
  synchronized void wake() {
    notifyAll();
  }

  private void watchDeadline() {
    if (awaitEnd() == LeaseState.LOST) {
      onLost.accept(reason());
    }
  }

  private synchronized LeaseState awaitEnd() {
    while (true) {
      long now = clock.nanos();
      if (now - tenure.deadline() >= 0) {
        transition(() -> tenure.expire(now));
      }
      if (tenure.state().isOver()) {
        return tenure.state();
      }
      long wait = tenure.deadline() - now;
      if (!renewing) {
        wait = Math.min(wait, tenure.nextAttempt() - now);
        if (wait <= 0) {
          renewing = true;
          notifyAll();
          continue;
        }
      }
      pause(Math.min(wait, LONGEST_WAIT));
    }
  }

  private synchronized void pause(long nanos) {
    try {
      TimeUnit.NANOSECONDS.timedWait(this, Math.max(nanos, TimeUnit.MILLISECONDS.toNanos(1)));
    } catch (InterruptedException e) {
      // Nobody but a stranger interrupts these threads. An ownership that is not watched is none.
      transition(() -> tenure.lost("the thread that keeps the lease was interrupted"));
    }
  }

  private void renewWhenDue() {
    while (awaitTurn()) {
      try {
        apply(lease.renew(tenureTimeout()));
      } catch (LeaseStoreException | RuntimeException e) {
        LOG.debug("renewal failed", e);
        transition(
            () -> {
              renewing = false;
              tenure.failed(clock.nanos(), String.valueOf(e.getMessage()));
            });
      }
    }
  }

  private void apply(Renewal renewal) {
    transition(
        () -> {
          renewing = false;
          if (renewal instanceof Renewal.Renewed renewed) {
            tenure.renewed(clock.nanos(), renewed);
          } else if (renewal instanceof Renewal.Lost lost) {
            tenure.lost(lost.reason());
          }
        });
  }

  private synchronized Duration tenureTimeout() {
    return tenure.times().timeout();
  }

  /** False when the tenure is over. */
  private synchronized boolean awaitTurn() {
    while (!renewing && !tenure.state().isOver()) {
      try {
        wait();
      } catch (InterruptedException e) {
        return false; // Interrupted by transition; if by a stranger, the deadline will tell.
      }
    }
    return !tenure.state().isOver();
  }
}
