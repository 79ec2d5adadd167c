package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What may be shown, and what may be in the database file. */
class CommitPointTest {
  private final CommitPoint point = new CommitPoint();

  @Test
  void recordsThatWaitForNobodyCountAsSoonAsTheyAreThere() {
    point.start(5, 5);
    point.appended(6, false);
    assertThat(point.showable()).isEqualTo(Long.MAX_VALUE);
    assertThat(point.isKept(6)).isTrue();
    assertThat(point.toBeWritten(6, false)).isEqualTo(5);
  }

  @Test
  void pendingRecordsAndAllAfterThemWaitForTheCommitPosition() {
    point.start(5, 5);
    point.appended(6, false);
    assertThat(point.toBeWritten(6, true)).as("all before it count").isEqualTo(6);
    point.appended(7, true);
    point.appended(8, true);
    assertThat(point.showable()).isEqualTo(6);
    assertThat(point.isKept(6)).as("recovery does not know yet").isFalse();
    point.keep(6);
    assertThat(point.isKept(6)).isTrue();
    point.raise(7);
    assertThat(point.showable()).isEqualTo(7);
    assertThat(point.toBeWritten(8, true)).isEqualTo(7);
    assertThat(point.isKept(7)).isFalse();
    point.raise(8);
    assertThat(point.showable()).isEqualTo(Long.MAX_VALUE);
    assertThat(point.isKept(8)).isFalse();
    point.keep(8);
    assertThat(point.isKept(8)).isTrue();
  }

  @Test
  void whatAStartFindsBeyondTheCommitPositionIsNotShown() {
    point.start(5, 9);
    assertThat(point.showable()).isEqualTo(5);
    assertThat(point.offered()).isEqualTo(9);
    point.cut(7);
    assertThat(point.showable()).isEqualTo(5);
    assertThat(point.offered()).isEqualTo(7);
    point.cut(5);
    assertThat(point.showable()).isEqualTo(Long.MAX_VALUE);
    point.appended(6, true);
    assertThat(point.showable()).isEqualTo(5);
  }

  @Test
  void theRecordThatACommitWaitsForIsItsOwn() {
    point.start(5, 5);
    point.appended(6, true);
    point.await(6);
    point.raise(6);
    assertThat(point.showable()).isEqualTo(5);
    point.await(0);
    assertThat(point.showable()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void aCommitPositionBeyondTheLogHoldsForWhatComesLater() {
    point.start(5, 5);
    point.raise(9);
    point.appended(6, true);
    assertThat(point.showable()).isEqualTo(Long.MAX_VALUE);
    assertThat(point.isKept(6)).isFalse();
    point.raise(3);
    assertThat(point.known()).isEqualTo(9);
  }

  @Test
  void aSlotOfAnotherSegmentSaysNothing() {
    assertThat(CommitSlot.decode(CommitSlot.encode(3, 77), 3)).isEqualTo(77);
    assertThat(CommitSlot.decode(CommitSlot.encode(3, 77), 4)).isZero();
    var torn = CommitSlot.encode(3, 77);
    torn.put(14, (byte) 1);
    assertThat(CommitSlot.decode(torn, 3)).isZero();
    assertThat(CommitSlot.decode(torn.limit(10), 3)).isZero();
  }
}
