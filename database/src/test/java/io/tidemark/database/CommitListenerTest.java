package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who waits for commits hears of each. */
class CommitListenerTest {
  @TempDir Path directory;

  private final Random random = new Random(3);
  private TestStore bench;
  private SqliteSimulator sqlite;

  /** Notes each position that is published, and that the lock is held. */
  private static final class Notes implements CommitListener {
    final List<String> heard = new ArrayList<>();

    @Override
    public void committed(Database database) {
      assertThat(database.lock.isHeldByCurrentThread()).isTrue();
      heard.add(database.name() + " " + database.position().txid());
    }

    @Override
    public void retired(Database old, Database successor) {
      assertThat(old).isNotSameAs(successor);
      heard.add(successor.name() + " retired");
    }
  }

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void everyListenerHearsOfEveryCommitUntilItIsRemoved() throws Exception {
    Notes first = new Notes();
    Notes second = new Notes();
    bench.store.addCommitListener(first);
    byte[] image = SqliteSimulator.image(random, 512, 4, true);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    bench.store.addCommitListener(second);
    sqlite.commitWal(image, SqliteSimulator.next(random, image, 512, 5, true, 2));
    byte[] other = SqliteSimulator.image(random, 512, 7, false);
    bench.store.importDatabase("a", Files.write(directory.resolve("in.db"), other));
    bench.store.removeCommitListener(first);
    bench.store.drop("a");
    assertThat(first.heard).containsExactly("a 1", "a 2", "a 3");
    assertThat(second.heard).containsExactly("a 2", "a 3", "a 4");
  }

  @Test
  void aListenerThatFailsHarmsNoCommitAndNoOtherListener() throws Exception {
    Notes notes = new Notes();
    bench.store.addCommitListener(
        database -> {
          throw new IllegalStateException("of a test");
        });
    bench.store.addCommitListener(notes);
    byte[] image = SqliteSimulator.image(random, 512, 4, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    assertThat(notes.heard).containsExactly("a 1");
    assertThat(bench.crash().read("a")).isEqualTo(image);
  }

  @Test
  void anotherObjectForANameIsTold() throws Exception {
    byte[] image = SqliteSimulator.image(random, 512, 4, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    Notes notes = new Notes();
    bench.store.addCommitListener(notes);
    sqlite.db.fail("of a test");
    bench.store.retryFailed();
    assertThat(notes.heard).containsExactly("a retired");
    bench.store.get("a").fail("of a test");
    bench.store.drop("a");
    assertThat(notes.heard).containsExactly("a retired", "a retired");
  }
}
