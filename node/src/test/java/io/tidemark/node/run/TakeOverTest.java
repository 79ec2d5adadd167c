package io.tidemark.node.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.ClusterStatus;
import io.tidemark.node.cluster.RoleChangeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TakeOverTest {
  private final AtomicInteger asked = new AtomicInteger();

  /** Becomes primary when asked for the given time. */
  private ClusterControl cluster(int willing) {
    return new ClusterControl() {
      @Override
      public ClusterStatus status() {
        return null;
      }

      @Override
      public String handOff(String nodeId) {
        throw new UnsupportedOperationException();
      }

      @Override
      public String promote() throws RoleChangeException {
        if (asked.incrementAndGet() < willing) {
          throw new RoleChangeException("it is not in sync", "Wait.");
        }
        return "http://me:20202";
      }

      @Override
      public String force() {
        throw new UnsupportedOperationException();
      }
    };
  }

  @Test
  void itIsTriedUntilThePrimaryAgrees() throws Exception {
    TakeOver.begin(cluster(3), Duration.ofSeconds(30), Duration.ofMillis(1))
        .get(10, TimeUnit.SECONDS);
    assertThat(asked).hasValue(3);
  }

  @Test
  void itIsGivenUpInTheEnd() throws Exception {
    TakeOver.begin(cluster(Integer.MAX_VALUE), Duration.ofMillis(20), Duration.ofMillis(5))
        .get(10, TimeUnit.SECONDS);
    assertThat(asked).hasValueGreaterThan(1);
  }
}
