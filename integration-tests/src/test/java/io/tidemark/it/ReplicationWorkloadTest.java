package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What readers on replicas see while a primary does all that SQLite can do: every read transaction
 * one committed state, never an older one than before. And at quiet points all nodes have the same
 * bytes.
 *
 * <p>{@code -Dtidemark.it.steps=5000} makes it a campaign.
 */
class ReplicationWorkloadTest {
  private static final String[] NAMES = {"a.db", "b.db", "sub/c.db"};
  private static final int REPLICAS = 3;
  private static final int STEPS_TO_A_QUIET_POINT = 60;

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "wal calm",
        "delete,truncate,persist,memory,off calm",
        "wal,delete,truncate,persist,memory,off wild"
      })
  void readersOfReplicasSeeCommittedStatesOnly(String modes, String kind) throws IOException {
    Random random = new Random(Settings.seed("replicated workload, " + modes + ", " + kind));
    int steps = Integer.getInteger("tidemark.it.steps", 120);
    Cluster cluster =
        new Cluster(bench, REPLICAS)
            .setting("replication.reader-timeout", "10s")
            .optimised()
            .longestLife(Duration.ofSeconds(300 + steps))
            .start();
    Conversation workload =
        bench.closing(
            Conversation.python(
                "replica_workload.py",
                random.nextInt(Integer.MAX_VALUE),
                cluster.primary().mount(),
                modes,
                kind));
    cluster.awaitEqual(NAMES);
    List<Conversation> readers = new ArrayList<>();
    for (TidemarkProcess replica : cluster.replicas()) {
      readers.add(bench.closing(reader(replica, random, kind.equals("calm"))));
    }
    for (int done = 0; done < steps; done += STEPS_TO_A_QUIET_POINT) {
      assertThat(
              workload.ask(
                  Integer.toString(STEPS_TO_A_QUIET_POINT),
                  Duration.ofSeconds(60 + STEPS_TO_A_QUIET_POINT)))
          .startsWith("done");
      for (Conversation reader : readers) {
        assertThat(reader.hasAnswered() ? reader.answer(Duration.ofSeconds(1)) : "").isEmpty();
      }
      cluster.checkEqual(NAMES);
    }
    for (Conversation reader : readers) {
      String summary = reader.end();
      System.out.println(summary);
      assertThat(summary).startsWith("reads");
      if (kind.equals("calm")) {
        assertThat(summary).doesNotContain("disk I/O error", "unable to open");
      }
    }
    workload.end();
    for (String name : NAMES) {
      for (TidemarkProcess replica : cluster.replicas()) {
        replica.verifyLog(name);
      }
    }
  }

  private static Conversation reader(TidemarkProcess replica, Random random, boolean maps) {
    List<Object> arguments = new ArrayList<>();
    arguments.add(random.nextInt(Integer.MAX_VALUE));
    arguments.add("0.5");
    arguments.add(maps);
    for (String name : NAMES) {
      arguments.add(replica.file(name));
    }
    return Conversation.python("replica_reader.py", arguments.toArray());
  }
}
