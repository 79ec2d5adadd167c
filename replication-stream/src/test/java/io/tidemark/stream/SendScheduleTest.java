package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.ltx.Txid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SendScheduleTest {
  private static final int FRAME = Protocol.MAX_DATA;

  private final SendSchedule schedule = new SendSchedule(2L * FRAME);

  @Test
  void databasesTakeTurns() {
    open(1, 2, 3);
    for (int id : new int[] {1, 2, 3}) {
      schedule.ready(id);
    }

    assertThat(turns(6, 10)).containsExactly(1, 2, 3, 1, 2, 3);
  }

  @Test
  void aDatabaseWithNothingToSendHasNoTurn() {
    open(1, 2);
    assertThat(schedule.next()).isEmpty();
    schedule.ready(2);
    assertThat(turns(3, 10)).containsExactly(2, 2, 2);
    schedule.idle(2);
    assertThat(schedule.next()).isEmpty();
  }

  @Test
  void aSlowDatabaseHoldsUpNoOther() {
    open(1, 2);
    schedule.ready(1);
    schedule.ready(2);
    long sentOfSecond = 0;
    for (int i = 0; i < 100; i++) {
      int id = schedule.next().getAsInt();
      schedule.sent(id, FRAME);
      if (id == 2) {
        sentOfSecond += FRAME;
        schedule.acknowledged(ack(2, sentOfSecond));
      }
    }

    assertThat(schedule.inFlight(1)).isEqualTo(2L * FRAME);
    assertThat(schedule.inFlight(2)).isZero();
    assertThat(sentOfSecond).isEqualTo(98L * FRAME);
  }

  @Test
  void onlyADatabaseThatHasMoreToSendWaitsForRoom() {
    open(1, 2);
    schedule.ready(1);
    schedule.sent(1, FRAME);
    assertThat(schedule.isWaitingForRoom()).isFalse();
    schedule.sent(1, 1);
    assertThat(schedule.isWaitingForRoom()).isTrue();
    schedule.idle(1);
    assertThat(schedule.isWaitingForRoom()).isFalse();
    schedule.ready(1);
    assertThat(schedule.isWaitingForRoom()).isTrue();
    schedule.acknowledged(ack(1, FRAME));
    assertThat(schedule.isWaitingForRoom()).isFalse();
  }

  @Test
  void anAcknowledgementGivesTheTurnBack() {
    open(1);
    schedule.ready(1);
    schedule.sent(1, FRAME);
    schedule.sent(1, 1);
    assertThat(schedule.next()).isEmpty();

    schedule.acknowledged(ack(1, FRAME));

    assertThat(schedule.next()).isEqualTo(OptionalInt.of(1));
    assertThat(schedule.inFlight(1)).isEqualTo(1);
  }

  @Test
  void anAcknowledgementOfWhatWasNeverSentIsRefused() {
    open(1);
    schedule.sent(1, 100);
    schedule.acknowledged(ack(1, 60));

    for (Ack bad : List.of(ack(1, 101), ack(1, 59), ack(2, 0))) {
      assertThatThrownBy(() -> schedule.acknowledged(bad)).isInstanceOf(ProtocolException.class);
    }
  }

  @Test
  void mistakesOfTheCallerAreReported() {
    open(1);
    assertThatThrownBy(() -> schedule.open(1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> schedule.ready(2)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> schedule.sent(1, FRAME + 1)).isInstanceOf(IllegalStateException.class);
    schedule.sent(1, FRAME);
    schedule.sent(1, 1);
    assertThatThrownBy(() -> schedule.sent(1, 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> new SendSchedule(FRAME - 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new SendWindow(FRAME, 5, 6))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void noWindowIsExceededAndNobodyStarves(long seed) {
    Random random = new Random(seed);
    Map<Integer, Long> sent = new HashMap<>();
    Map<Integer, Long> consumed = new HashMap<>();
    Map<Integer, Integer> waiting = new HashMap<>();
    int databases = 20;
    for (int id = 1; id <= databases; id++) {
      schedule.open(id);
      schedule.ready(id);
      sent.put(id, 0L);
      consumed.put(id, 0L);
      waiting.put(id, 0);
    }
    for (int step = 0; step < 20_000; step++) {
      OptionalInt next = schedule.next();
      if (next.isPresent()) {
        int id = next.getAsInt();
        int bytes = 1 + random.nextInt(FRAME);
        schedule.sent(id, bytes);
        sent.merge(id, (long) bytes, Long::sum);
        assertThat(schedule.inFlight(id)).isBetween(1L, 2L * FRAME);
        for (int other = 1; other <= databases; other++) {
          boolean room = sent.get(other) - consumed.get(other) <= FRAME;
          waiting.merge(other, 1, (a, b) -> room ? a + b : 0);
        }
        waiting.put(id, 0);
        assertThat(waiting.values()).as("seed %d", seed).allMatch(turns -> turns <= databases);
      }
      // Database 1 belongs to a replica that never takes anything.
      int acked = 2 + random.nextInt(databases - 1);
      long up = sent.get(acked) - consumed.get(acked);
      long more = up == 0 ? 0 : random.nextLong(up + 1);
      consumed.merge(acked, more, Long::sum);
      schedule.acknowledged(ack(acked, consumed.get(acked)));
    }

    assertThat(sent.get(1)).isLessThanOrEqualTo(2L * FRAME);
    for (int id = 2; id <= databases; id++) {
      assertThat(sent.get(id)).isGreaterThan(20L * FRAME);
    }
  }

  private void open(int... ids) {
    for (int id : ids) {
      schedule.open(id);
    }
  }

  private List<Integer> turns(int count, int bytes) {
    List<Integer> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int id = schedule.next().getAsInt();
      schedule.sent(id, bytes);
      ids.add(id);
    }
    return ids;
  }

  private static Ack ack(int id, long consumed) {
    return new Ack(id, 1, Txid.ZERO, Txid.ZERO, Txid.ZERO, consumed);
  }
}
