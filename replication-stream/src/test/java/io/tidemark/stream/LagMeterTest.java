package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LagMeterTest {
  private final LagMeter meter = new LagMeter();

  @Test
  void nothingIsKnownBeforeTheFirstTimeUpToDate() {
    meter.unplanned(0, false);
    assertThat(meter.nanos(100)).isEqualTo(LagMeter.UNKNOWN);
    meter.plan(3, 5, 100);
    meter.shown(4, 110);
    assertThat(meter.nanos(120)).isEqualTo(LagMeter.UNKNOWN);
    meter.shown(5, 120);
    assertThat(meter.nanos(1000)).isZero();
  }

  @Test
  void timeCountsFromTheFirstTransactionThatIsNotShown() {
    meter.plan(5, 5, 0);
    meter.expect(6, 100);
    meter.expect(9, 150);
    assertThat(meter.nanos(300)).isEqualTo(200);
    meter.expect(6, 310); // an older end changes nothing
    meter.shown(9, 320);
    assertThat(meter.nanos(400)).isZero();
  }

  @Test
  void aReplicaOfABusyPrimaryIsAsFarBehindAsItIs() {
    meter.plan(0, 0, 0);
    for (int txid = 1; txid <= 1000; txid++) {
      meter.expect(txid, txid * 10L);
      meter.shown(txid - 3, txid * 10L); // never at the end
    }
    assertThat(meter.nanos(10_010)).isBetween(30L, 80L);
  }

  @Test
  void whatWaitsForAPlanIsBehindSinceTheConnectionWasCut() {
    meter.plan(5, 5, 0);
    meter.unplanned(100, true);
    assertThat(meter.nanos(500)).isEqualTo(400);
    meter.plan(5, 8, 600);
    assertThat(meter.nanos(700)).isEqualTo(600);
    meter.shown(7, 710);
    assertThat(meter.nanos(720)).isEqualTo(620);
    meter.shown(8, 730);
    assertThat(meter.nanos(740)).isZero();
  }

  @Test
  void aSecondCutDoesNotMakeItYounger() {
    meter.plan(5, 5, 0);
    meter.unplanned(100, true);
    meter.unplanned(400, true);
    assertThat(meter.nanos(500)).isEqualTo(400);
  }

  @Test
  void aNewDatabaseOfAKnownPrimaryIsBehindSinceItIsThere() {
    meter.unplanned(1000, true);
    assertThat(meter.nanos(1200)).isEqualTo(200);
  }
}
