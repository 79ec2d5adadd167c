package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.ltx.Txid;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class StepBackTest {

  /** Positions after transaction 1, 2, 3...; those below {@code from} are not known any more. */
  private record Past(List<Position> all, long from) implements PrimaryHistory {
    @Override
    public Position position() {
      return all.isEmpty() ? Position.NONE : all.get(all.size() - 1);
    }

    @Override
    public boolean exists() {
      return !all.isEmpty();
    }

    @Override
    public Txid firstInLog() {
      return new Txid(from);
    }

    @Override
    public Position at(Txid txid) {
      return txid.value() >= from ? all.get((int) txid.value() - 1) : null;
    }
  }

  private static Position at(long epoch, long txid, long content) {
    return Position.of(epoch, txid, content | Long.MIN_VALUE);
  }

  private static List<Position> epochs(long content, long... lengths) {
    List<Position> all = new ArrayList<>();
    for (int i = 0; i < lengths.length; i += 2) {
      for (int n = 0; n < lengths[i + 1]; n++) {
        all.add(at(lengths[i], all.size() + 1L, content + all.size()));
      }
    }
    return all;
  }

  @Test
  void theLastTransactionOfTheSameEpochIsNamed() {
    Past primary = new Past(epochs(0, 1, 8, 2, 4), 1);
    assertThat(StepBack.candidate(at(1, 10, 99), primary)).isEqualTo(primary.all().get(7));
  }

  @Test
  void anEpochThatThePrimaryNeverHadLeadsToTheOneBefore() {
    Past primary = new Past(epochs(0, 1, 8, 4, 4), 1);
    assertThat(StepBack.candidate(at(3, 12, 99), primary)).isEqualTo(primary.all().get(7));
  }

  @Test
  void nothingIsNamedWhereNothingIsKnown() {
    assertThat(StepBack.candidate(at(1, 3, 99), new Past(epochs(0, 2, 9), 1)))
        .isEqualTo(Position.NONE);
    assertThat(StepBack.candidate(at(1, 3, 99), new Past(List.of(), 1))).isEqualTo(Position.NONE);
  }

  @Test
  void aRefutedPositionIsNotNamedAgain() {
    Past primary = new Past(epochs(0, 1, 8), 1);
    assertThat(StepBack.candidate(at(1, 8, 99), primary)).isEqualTo(primary.all().get(6));
  }

  /** Two nodes that were primary in turns without hearing of each other. */
  @RepeatedTest(200)
  void bothFindTheLastCommonPosition() {
    Random random = new Random();
    List<Position> common = new ArrayList<>();
    long epoch = 1;
    for (int i = random.nextInt(12); i > 0; i--) {
      epoch += random.nextInt(2);
      common.add(at(epoch, common.size() + 1L, common.size()));
    }
    List<List<Position>> nodes = List.of(new ArrayList<>(common), new ArrayList<>(common));
    for (int turn = random.nextInt(6); turn > 0; turn--) {
      epoch++;
      List<Position> node = nodes.get(random.nextInt(2));
      for (int n = random.nextInt(5); n > 0; n--) {
        node.add(at(epoch, node.size() + 1L, random.nextLong() >>> 1));
      }
    }
    Past primary = new Past(nodes.get(0), 1);
    Past replica = new Past(nodes.get(1), 1);
    Position offered = replica.position();
    Position last = common.isEmpty() ? Position.NONE : common.get(common.size() - 1);
    for (int round = 0; !isCommon(offered, primary); round++) {
      assertThat(round).isLessThan(20);
      Position named = StepBack.candidate(offered, primary);
      offered = named.isNone() ? Position.NONE : StepBack.candidate(named, replica);
    }
    assertThat(offered.txid().value()).isLessThanOrEqualTo(replica.position().txid().value());
    assertThat(offered).isEqualTo(commonEnd(nodes, last));
  }

  private static boolean isCommon(Position position, Past primary) {
    return position.isNone()
        || (position.txid().value() <= primary.all().size()
            && primary.at(position.txid()).equals(position));
  }

  private static Position commonEnd(List<List<Position>> nodes, Position atLeast) {
    Position end = Position.NONE;
    int most = Math.min(nodes.get(0).size(), nodes.get(1).size());
    for (int i = 0; i < most && nodes.get(0).get(i).equals(nodes.get(1).get(i)); i++) {
      end = nodes.get(0).get(i);
    }
    assertThat(end.txid().compareTo(atLeast.txid())).isGreaterThanOrEqualTo(0);
    return end;
  }
}
