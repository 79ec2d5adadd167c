package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.tidemark.database.Database;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.Primary;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogTailTest {
  private static final String NAME = "app.db";
  private static final long ROOM = 1 << 20;

  @TempDir Path directory;

  private final FrameEncoder encoder = new FrameEncoder(Set.of());
  private final AtomicLong room = new AtomicLong(ROOM);
  private Primary primary;
  private Database database;
  private LogTail tail;

  @BeforeEach
  void open() throws Exception {
    primary = new Primary(directory);
    database = primary.commit(NAME, 2);
    tail = new LogTail(7, database, encoder, room);
  }

  @AfterEach
  void close() throws Exception {
    primary.close();
  }

  private void commit(int count, int pages) throws Exception {
    for (int i = 0; i < count; i++) {
      primary.commit(NAME, pages);
    }
  }

  @Test
  void twoThatKeepUpGetTheSameFrameAndNothingIsLeftBehind() throws Exception {
    LogTail.Follower one = tail.join();
    LogTail.Follower two = tail.join();
    assertThat(one.record(1)).isNotNull();
    assertThat(two.record(1)).as("nobody knew that it would come").isNull();
    commit(30, 2);
    for (long txid = 2; txid <= 31; txid++) {
      LogTail.Follower first = txid % 3 == 0 ? one : two;
      LogTail.Ready made = first.record(txid);
      assertThat(made.record().txid().value()).isEqualTo(txid);
      assertThat(tail.bytes()).isPositive();
      assertThat((first == one ? two : one).record(txid)).isSameAs(made);
      assertThat(tail.bytes()).isZero();
    }
    assertThat(room).hasValue(ROOM);
  }

  @Test
  void theFrameIsTheRecordOfTheLog() throws Exception {
    LogTail.Follower one = tail.join();
    tail.join();
    LogTail.Ready made = one.record(1);
    assertThat(made.record().bytes()).isEqualTo(primary.records(7, NAME).get(0).bytes());
    ByteBuf expected = Unpooled.buffer();
    encoder.append(made.record(), expected);
    assertThat(made.frame()).isEqualTo(expected);
    assertThat(made.record().id()).isEqualTo(7);
  }

  @Test
  void oneAloneReadsForItself() throws Exception {
    LogTail.Follower one = tail.join();
    assertThat(one.record(1)).isNull();
    LogTail.Follower two = tail.join();
    commit(1, 2);
    assertThat(one.record(2)).isNotNull();
    assertThat(two.leave()).isFalse();
    assertThat(room).hasValue(ROOM);
    commit(1, 2);
    assertThat(one.record(3)).isNull();
    assertThat(one.leave()).isTrue();
  }

  @Test
  void whoFallsBehindHoldsUpNothingAndJoinsAgainAtTheEnd() throws Exception {
    LogTail.Follower fast = tail.join();
    LogTail.Follower slow = tail.join();
    fast.record(1);
    slow.record(1);
    commit(60, 4);
    for (long txid = 2; txid <= 61; txid++) {
      assertThat(fast.record(txid)).isNotNull();
      assertThat(tail.bytes()).isLessThanOrEqualTo(LogTail.MOST_BYTES);
    }
    assertThat(tail.bytes()).as("nobody is waited for").isZero();
    for (long txid = 2; txid <= 61; txid++) {
      assertThat(slow.record(txid)).isNull();
    }
    commit(1, 2);
    assertThat(slow.record(62)).isSameAs(fast.record(62)).isNotNull();
  }

  @Test
  void aLittleDelayIsBridged() throws Exception {
    LogTail.Follower fast = tail.join();
    LogTail.Follower slow = tail.join();
    fast.record(1);
    slow.record(1);
    commit(5, 2);
    for (long txid = 2; txid <= 6; txid++) {
      fast.record(txid);
    }
    for (long txid = 2; txid <= 6; txid++) {
      assertThat(slow.record(txid)).isNotNull();
    }
    assertThat(tail.bytes()).isZero();
  }

  @Test
  void aLargeRecordIsReadByEverybodyAndTheNextOneIsShared() throws Exception {
    LogTail.Follower one = tail.join();
    LogTail.Follower two = tail.join();
    one.record(1);
    two.record(1);
    commit(1, LogTail.MOST_OF_ONE / 4096 + 2);
    assertThat(one.record(2)).isNull();
    assertThat(two.record(2)).isNull();
    commit(1, 2);
    assertThat(one.record(3)).isSameAs(two.record(3)).isNotNull();
  }

  @Test
  void withoutRoomEachReadsForItself() throws Exception {
    room.set(100);
    LogTail.Follower one = tail.join();
    LogTail.Follower two = tail.join();
    one.record(1);
    two.record(1);
    commit(3, 2);
    for (long txid = 2; txid <= 4; txid++) {
      assertThat(one.record(txid)).isNotNull();
      assertThat(two.record(txid)).isNull();
    }
    assertThat(room).hasValue(100);
  }

  @Test
  void afterTheLogHasEndedThereIsNothing() throws Exception {
    LogTail.Follower one = tail.join();
    LogTail.Follower two = tail.join();
    one.record(1);
    two.record(1);
    commit(1, 2);
    primary.store.close();
    assertThat(one.record(2)).isNull();
    assertThat(two.record(2)).isNull();
    assertThat(room).hasValue(ROOM);
  }
}
