package io.tidemark.node.run;

import io.tidemark.node.config.ExecStep;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs {@code on-primary} while this node is primary and {@code on-replica} while it is not. The
 * commands of a list run one after another; the last may run as long as the role lasts. One that
 * fails is started again, after growing pauses. When the role is lost, what runs gets SIGTERM and,
 * if it does not end in time, SIGKILL, before anything of the other role starts.
 *
 * <p>A thread of its own looks at the role. The cluster knows nothing of it: no command, however
 * slow, holds up a change of the role, and writes are refused from that change on whether or not a
 * command has noticed it.
 */
final class RoleSupervisor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RoleSupervisor.class);
  private static final long FIRST_PAUSE_MILLIS = 1_000;
  private static final long LAST_PAUSE_MILLIS = 30_000;

  private final NodeConfig.RoleCommands commands;
  private final BooleanSupplier isPrimary;
  private final Duration look;
  private final Thread thread = new Thread(this::run, "tidemark-role-commands");
  private volatile boolean ending;

  /**
   * @param commands without the steps that this node skips
   * @param isPrimary the role now; must not wait
   * @param look how often it is asked
   */
  RoleSupervisor(NodeConfig.RoleCommands commands, BooleanSupplier isPrimary, Duration look) {
    this.commands = commands;
    this.isPrimary = isPrimary;
    this.look = look;
  }

  void start() {
    thread.start();
  }

  private void run() {
    try {
      while (!ending) {
        boolean primary = isPrimary.getAsBoolean();
        perform(primary);
        while (lasts(primary)) {
          Thread.sleep(look.toMillis());
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("the thread of the role commands was interrupted", e);
    }
  }

  private boolean lasts(boolean primary) {
    return !ending && isPrimary.getAsBoolean() == primary;
  }

  /** Runs the commands of a role, as far as they come while it lasts. */
  private void perform(boolean primary) throws InterruptedException {
    List<ExecStep> steps = primary ? commands.onPrimary() : commands.onReplica();
    long pause = FIRST_PAUSE_MILLIS;
    int next = 0;
    while (next < steps.size() && lasts(primary)) {
      if (succeeds(steps.get(next), primary)) {
        next++;
        pause = FIRST_PAUSE_MILLIS;
      } else if (lasts(primary)) {
        LOG.warn("it is started again in {} s", pause / 1000);
        for (long waited = 0; waited < pause && lasts(primary); waited += look.toMillis()) {
          Thread.sleep(look.toMillis());
        }
        pause = Math.min(LAST_PAUSE_MILLIS, 2 * pause);
      }
    }
  }

  /** Runs one command until it ends or the role does; true if it ended with 0. */
  private boolean succeeds(ExecStep step, boolean primary) throws InterruptedException {
    String role = primary ? "primary" : "replica";
    ChildProcess child;
    try {
      child = ChildProcess.start(step.command(), Map.of("TIDEMARK_ROLE", role));
    } catch (IOException e) {
      LOG.error("on-{}: {}", role, e.getMessage());
      return false;
    }
    LOG.info("on-{}: started {}", role, child.command());
    while (!child.endsWithin(look)) {
      if (!lasts(primary)) {
        stop(child, role);
        return false;
      }
    }
    int code = child.waitFor();
    if (code == 0) {
      LOG.info("on-{}: done {}", role, child.command());
    } else {
      LOG.warn("on-{}: ended with {}: {}", role, code, child.command());
    }
    return code == 0;
  }

  private void stop(ChildProcess child, String role) throws InterruptedException {
    LOG.info("on-{}: stopping {}", role, child.command());
    child.signal("TERM");
    if (!child.endsWithin(commands.stopTimeout())) {
      LOG.warn(
          "on-{}: killing {}: it did not end within role-stop-timeout after SIGTERM",
          role,
          child.command());
      child.kill();
      child.waitFor();
    }
  }

  /** Begins to stop what runs; returns at once. */
  void end() {
    ending = true;
  }

  /** Returns when nothing runs any more, at most the stop timeout later. */
  @Override
  public void close() {
    end();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
