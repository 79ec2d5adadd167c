package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.Refusal;
import org.junit.jupiter.api.Test;

class GreetingTest {
  private static final Id CLUSTER = new Id(1);
  private static final Id PRIMARY = new Id(2);
  private static final PrimaryIdentity IDENTITY =
      new PrimaryIdentity(CLUSTER, PRIMARY, new Id(3), 7, 0, CommitMode.ASYNC);

  private static Refusal refusal(Id cluster, Id node, long epoch) {
    return Greeting.refusal(
        new Hello(cluster, node, new Id(4), new Id(5), epoch, Id.NONE, 0, ""), IDENTITY);
  }

  @Test
  void aReplicaOfTheClusterOrOfNoneIsWelcome() {
    assertThat(refusal(CLUSTER, new Id(9), 7)).isNull();
    assertThat(refusal(Id.NONE, new Id(9), 0)).isNull();
  }

  @Test
  void aReplicaOfAnotherClusterIsTold() {
    Refusal refusal = refusal(new Id(8), new Id(9), 0);
    assertThat(refusal.reason()).isEqualTo(Refusal.Reason.CLUSTER);
    assertThat(refusal.text()).contains(new Id(8).toString(), CLUSTER.toString());
    assertThat(refusal.hint()).isNotEmpty();
  }

  @Test
  void aCopyOfThePrimaryIsTold() {
    assertThat(refusal(CLUSTER, PRIMARY, 7).reason()).isEqualTo(Refusal.Reason.SAME_NODE);
  }

  @Test
  void aReplicaThatHasSeenALaterEpochDoesNotFollowAnOldPrimary() {
    Refusal refusal = refusal(CLUSTER, new Id(9), 8);
    assertThat(refusal.reason()).isEqualTo(Refusal.Reason.EPOCH);
    assertThat(refusal.text()).contains("epoch 8", "epoch 7");
  }
}
