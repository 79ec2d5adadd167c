package io.tidemark.node.run;

import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.RoleChangeException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code lease.take-over}: asks the primary to hand over, a few times if it refuses: a node that
 * has just caught up is in the in-sync set a moment later.
 */
final class TakeOver {
  private static final Logger LOG = LoggerFactory.getLogger(TakeOver.class);

  private TakeOver() {}

  /**
   * Begins to ask, on a thread of its own.
   *
   * @param patience how long it is tried
   * @return done when this node is primary or will not be; says in the log which
   */
  static CompletableFuture<Void> begin(ClusterControl cluster, Duration patience, Duration pause) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                attempt(cluster, System.nanoTime() + patience.toNanos(), pause);
              } finally {
                done.complete(null);
              }
            },
            "tidemark-take-over");
    thread.setDaemon(true);
    thread.start();
    return done;
  }

  private static void attempt(ClusterControl cluster, long end, Duration pause) {
    while (true) {
      String why;
      try {
        cluster.promote();
        LOG.info("took over as lease.take-over asks: this node is primary");
        return;
      } catch (RoleChangeException | IOException e) {
        why = e.getMessage();
      }
      if (System.nanoTime() - end > 0) {
        LOG.warn("lease.take-over: this node could not become primary: {}", why);
        return;
      }
      try {
        Thread.sleep(pause.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
