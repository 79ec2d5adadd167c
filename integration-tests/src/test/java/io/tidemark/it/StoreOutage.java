package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.Callable;

/**
 * What a cluster of two nodes shows with any store: a planned handoff, and then the store is away
 * for a while. What FailoverTest has is not repeated for each store.
 */
final class StoreOutage {
  private static final Duration LIMIT = ElectedCluster.ELECTION;
  private static final String DB = "app.db";

  private StoreOutage() {}

  private static Command write(TidemarkProcess node, int value) {
    return Command.sqlite(node.file(DB), ".timeout 20000", "INSERT INTO t VALUES(" + value + ");");
  }

  /**
   * Reads go on, writes stop, and all resumes by itself.
   *
   * @param cluster has been started
   * @param storeName that nodes name in their messages
   */
  static void isOutlived(
      ElectedCluster cluster,
      String storeName,
      AutoCloseable closeStore,
      Callable<?> startStoreAgain)
      throws Exception {
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, "WAL");
    write(first, 1).ok();

    first.ask("handoff").ok();
    cluster.awaitPrimary(second);
    write(second, 2).ok();
    cluster.awaitEqual(DB);

    closeStore.close();
    Await.until(
        LIMIT,
        "no more writes",
        () -> Command.sqlite(second.file(DB), "INSERT INTO t VALUES(0);").run().exit() != 0);
    String held = ElectedCluster.values(second, DB);
    for (TidemarkProcess node : cluster.nodes()) {
      assertThat(ElectedCluster.values(node, DB)).isEqualTo(held);
      Await.until(
          LIMIT,
          "what is wrong",
          () ->
              String.valueOf(ElectedCluster.cluster(node).get("storeProblem")).contains(storeName));
    }

    startStoreAgain.call();
    TidemarkProcess next = cluster.awaitPrimaryOf(first, second);
    write(next, 3).ok();
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo(held + ",3");
  }
}
