package io.tidemark.stream.receive;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.stream.LagMeter;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FollowLagTest {
  private final FollowLag lag = new FollowLag();

  private void upToDate(String name, long txid, long now) {
    lag.planned(name);
    lag.database(name).plan(txid, txid, now);
  }

  @Test
  void itIsUnknownUntilAPrimaryHasSaidEverything() {
    upToDate("a", 3, 10);
    assertThat(lag.nanos(50, 20)).isEqualTo(LagMeter.UNKNOWN);
    assertThat(lag.byDatabase(50, 20)).isEqualTo(Map.of("a", LagMeter.UNKNOWN));
    lag.heard(30);
    assertThat(lag.nanos(50, 40)).isZero();
  }

  @Test
  void theDatabaseThatIsFurthestBehindCounts() {
    upToDate("a", 3, 10);
    upToDate("b", 3, 10);
    lag.heard(10);
    lag.database("b").expect(4, 20);
    assertThat(lag.nanos(100, 50)).isEqualTo(30);
    assertThat(lag.byDatabase(100, 50)).isEqualTo(Map.of("a", 0L, "b", 30L));
  }

  @Test
  void oneDatabaseThatNeverWasUpToDateMakesItUnknown() {
    lag.planned("new");
    lag.heard(10);
    assertThat(lag.nanos(100, 50)).isEqualTo(LagMeter.UNKNOWN);
  }

  @Test
  void silenceCountsBeyondItsGraceAndAsAWhole() {
    upToDate("a", 3, 0);
    lag.heard(1000);
    assertThat(lag.nanos(200, 1200)).isZero();
    assertThat(lag.nanos(200, 1201)).isEqualTo(201);
    assertThat(lag.nanos(0, 1100)).isEqualTo(100);
  }
}
