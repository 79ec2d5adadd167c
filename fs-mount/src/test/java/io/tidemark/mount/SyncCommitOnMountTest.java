package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Database;
import io.tidemark.database.FakeCommitGate;
import io.tidemark.database.RefusedException;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SQLite commits that count only when other nodes have them, in doubt or refused included. */
@Timeout(90)
class SyncCommitOnMountTest {
  private static final Duration LIMIT = Duration.ofSeconds(3);

  @RegisterExtension final MountedStore mounted = new MountedStore();

  private final FakeCommitGate gate = new FakeCommitGate();

  @BeforeEach
  void start() {
    mounted.store().commitGate(gate);
  }

  private Client writer(String name, String mode) {
    Client writer = mounted.python(name);
    writer.sql("pragma journal_mode=" + mode);
    writer.sql("create table t(x)");
    writer.sql("insert into t values('before')");
    return writer;
  }

  private static void insert(Client writer, String value) {
    writer.send("q(c, \"insert into t values('" + value + "')\")");
  }

  private Database database() {
    return mounted.database("a.db");
  }

  /** Programs that come now. */
  private String readAnew() {
    return Shell.sqlite(mounted.path("a.db"), "select * from t");
  }

  private void assertSound() {
    assertThat(Shell.sqlite(mounted.path("a.db"), "pragma integrity_check")).isEqualTo("ok");
  }

  private void confirm(long txid) {
    database().committedUpTo(mounted.store().epoch(), txid);
  }

  /** Nobody sees the row, whatever way he asks. */
  private void assertNotSeen(Client reader, String mode) {
    reader.send("q(c, 'select * from t')");
    Await.until(LIMIT, "a SELECT of the same database", reader::hasAnswered);
    assertThat(reader.answer("")).isEqualTo(mode.equals("WAL") ? "before" : LOCKED);
  }

  private static final String LOCKED = "!OperationalError: database is locked";

  @ParameterizedTest
  @CsvSource({
    "WAL,b.db,WAL",
    "WAL,b.db,DELETE",
    "TRUNCATE,b.db,WAL",
    "PERSIST,b.db,PERSIST",
    "MEMORY,b.db,WAL",
    "OFF,b.db,DELETE",
    "DELETE,b.db,WAL",
    "DELETE,other/b.db,DELETE"
  })
  void aCommitWaitsAndNobodyElse(String mode, String otherName, String otherMode) {
    Shell.ok("mkdir", mounted.path("other"));
    Client writer = writer("a.db", mode);
    Client reader = mounted.python();
    reader.run("c = db('" + mounted.path("a.db") + "', 0.1)");
    assertThat(reader.sql("select * from t")).isEqualTo("before");
    Client other = writer(otherName, otherMode);
    long before = mounted.txid("a.db");
    gate.silentFor("a.db");
    insert(writer, "waiting");
    assertThat(gate.awaitWaiting()).isTrue();
    other.send("[q(c, 'insert into t values(%d)' % i) for i in range(5)]");
    Await.until(LIMIT, "writes of another database", other::hasAnswered);
    assertThat(other.answer("")).doesNotContain("!");
    assertNotSeen(reader, mode);
    assertThat(mounted.txid("a.db")).isEqualTo(before);
    assertThat(writer.hasAnswered()).as("the commit has returned").isFalse();

    confirm(before + 1);
    assertThat(writer.answer("the commit")).isEmpty();
    assertThat(reader.sql("select * from t")).isEqualTo("before\nwaiting");
    assertThat(readAnew()).isEqualTo("before\nwaiting");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"})
  void withoutEnoughNodesTheCommitFailsAndLeavesNoTrace(String mode) {
    Client writer = writer("a.db", mode);
    long before = mounted.txid("a.db");
    gate.refuse(RefusedException.Kind.BUSY);
    assertThat(writer.trySql("insert into t values('refused')")).startsWith("!");
    assertThat(readAnew()).isEqualTo("before");
    assertSound();
    gate.refuse(null);
    assertThat(mounted.database("a.db").appended().txid()).isEqualTo(before);
    writer.sql("insert into t values('later')");
    assertThat(readAnew()).isEqualTo("before\nlater");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
  }

  private long doubt(Client writer, String mode) {
    gate.silentFor("a.db").timeout(Duration.ofMillis(300));
    assertThat(writer.trySql("insert into t values('doubtful')")).startsWith("!");
    gate.confirming();
    assertThat(database().inDoubt()).isNotNull();
    assertThat(readAnew()).isEqualTo("before");
    assertThat(writer.sql("select * from t")).isEqualTo("before");
    assertThat(writer.trySql("insert into t values('too early')")).startsWith("!");
    assertThat(readAnew()).isEqualTo("before");
    assertSound();
    return database().inDoubt().last().txid();
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"})
  void whatWasInDoubtAppearsForEverybodyWhenItIsCommittedAfterAll(String mode) throws Exception {
    Client writer = writer("a.db", mode);
    Client reader = mounted.python("a.db");
    assertThat(reader.sql("select * from t")).isEqualTo("before");
    long txid = doubt(writer, mode);
    assertThat(database().settleCommitted(txid)).isTrue();
    for (Client client : new Client[] {writer, reader}) {
      assertThat(client.sql("select * from t")).isEqualTo("before\ndoubtful");
    }
    assertThat(readAnew()).isEqualTo("before\ndoubtful");
    assertSound();
    reader.sql("insert into t values('later')");
    writer.sql("insert into t values('latest')");
    assertThat(readAnew()).isEqualTo("before\ndoubtful\nlater\nlatest");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"})
  void whatWasInDoubtIsNowhereWhenItWasCutOff(String mode) throws Exception {
    Client writer = writer("a.db", mode);
    long txid = doubt(writer, mode);
    mounted.store().becomePrimary(mounted.store().epoch() + 1);
    database().cutAfter(txid - 1);
    assertThat(readAnew()).isEqualTo("before");
    writer.sql("insert into t values('later')");
    assertThat(readAnew()).isEqualTo("before\nlater");
    assertSound();
    assertThat(mounted.txid("a.db")).isEqualTo(txid);
    writer.close();
    mounted.restart();
    assertThat(readAnew()).isEqualTo("before\nlater");
  }

  @ParameterizedTest
  @CsvSource({"WAL,true", "WAL,false", "DELETE,true", "DELETE,false", "TRUNCATE,false"})
  void aProgramThatIsKilledWhileItWaitsLeavesACleanDatabase(String mode, boolean confirmed)
      throws Exception {
    Client writer = writer("a.db", mode);
    Client reader = mounted.python();
    reader.run("c = db('" + mounted.path("a.db") + "', 0.1)");
    assertThat(reader.sql("select * from t")).isEqualTo("before");
    long txid = mounted.txid("a.db") + 1;
    gate.silentFor("a.db").timeout(Duration.ofSeconds(2));
    insert(writer, "orphan");
    assertThat(gate.awaitWaiting()).isTrue();
    Thread killer = new Thread(writer::kill);
    killer.start();
    assertNotSeen(reader, mode);
    gate.confirming();
    if (confirmed) {
      confirm(txid);
    }
    killer.join();
    if (!confirmed) {
      assertThat(database().inDoubt().last().txid()).isEqualTo(txid);
      assertThat(readAnew()).isEqualTo("before");
      assertThat(database().settleCommitted(txid)).isTrue();
    }
    Await.until("everybody sees it", () -> readAnew().equals("before\norphan"));
    assertThat(reader.sql("select * from t")).isEqualTo("before\norphan");
    assertSound();
    reader.sql("insert into t values('later')");
    assertThat(readAnew()).isEqualTo("before\norphan\nlater");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE"})
  void aSecondWriterWaitsAsLongAsItsBusyTimeout(String mode) {
    Client writer = writer("a.db", mode);
    Client patient = mounted.python("a.db");
    Client hasty = mounted.python();
    hasty.run("c = db('" + mounted.path("a.db") + "', 0.1)");
    // Before, because SQLite calls fchown on the -wal that it opens as root, and the kernel lets
    // nobody change a file to which a WRITE is under way.
    assertThat(patient.sql("select * from t")).isEqualTo("before");
    assertThat(hasty.sql("select * from t")).isEqualTo("before");
    long txid = mounted.txid("a.db") + 1;
    gate.silentFor("a.db");
    insert(writer, "first");
    assertThat(gate.awaitWaiting()).isTrue();
    insert(patient, "second");
    assertThat(hasty.trySql("insert into t values('third')")).isEqualTo(LOCKED);
    assertThat(patient.hasAnswered()).isFalse();
    gate.confirming();
    confirm(txid);
    assertThat(writer.answer("")).isEmpty();
    assertThat(patient.answer("")).isEmpty();
    assertThat(readAnew()).isEqualTo("before\nfirst\nsecond");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aCommitOverSeveralDatabasesWaitsForAllOfThem(boolean confirmed) throws Exception {
    Client writer = writer("a.db", "DELETE");
    writer("b.db", "DELETE").close();
    writer.sql("attach '" + mounted.path("b.db") + "' as b");
    long a = mounted.txid("a.db") + 1;
    long b = mounted.txid("b.db") + 1;
    gate.silent().timeout(Duration.ofSeconds(confirmed ? 30 : 1));
    writer.sql("begin");
    writer.sql("insert into t values('both')");
    writer.sql("insert into b.t values('both')");
    writer.send("q(c, 'commit')");
    assertThat(gate.awaitWaiting()).isTrue();
    confirm(a);
    Await.never(Duration.ofMillis(200), "the commit returns", writer::hasAnswered);
    assertThat(mounted.txid("a.db")).isEqualTo(a - 1);
    gate.confirming();
    if (confirmed) {
      mounted.database("b.db").committedUpTo(mounted.store().epoch(), b);
      assertThat(writer.answer("")).isEmpty();
    } else {
      assertThat(writer.answer("")).startsWith("!");
      writer.trySql("rollback");
      assertThat(readAnew()).isEqualTo("before");
      assertThat(mounted.database("b.db").settleCommitted(b)).isTrue();
      assertThat(database().settleCommitted(a)).isTrue();
    }
    assertThat(readAnew()).isEqualTo("before\nboth");
    assertThat(Shell.sqlite(mounted.path("b.db"), "select * from t")).isEqualTo("before\nboth");
    assertSound();
  }
}
