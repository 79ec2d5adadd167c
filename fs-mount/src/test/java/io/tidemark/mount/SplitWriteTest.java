package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One write of a commit may come in pieces, and more than once. */
@Timeout(60)
class SplitWriteTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();
  private Client reader;
  private Client writer;

  @BeforeEach
  void databaseInWalMode() {
    reader = mounted.python("a.db");
    reader.sql("pragma journal_mode=wal");
    reader.sql("create table t(x)");
    reader.sql("insert into t values('first')");
    writer = mounted.python();
    writer.run("path = '" + mounted.path("a.db") + "'");
    writer.run("off, data = shadow(path, \"insert into t values('by hand')\")");
    writer.run("fd = os.open(path + '-wal', os.O_RDWR)");
  }

  private void theTransactionIsThereOnce(long before) {
    writer.run("os.close(fd)");
    Await.until(
        "the others see the transaction",
        () -> reader.trySql("select * from t").equals("first\nby hand"));
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    reader.sql("insert into t values('next')");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {7, 24, 1000, 4096, 100_000})
  void transactionWrittenInPiecesAndRepeatedIsOneTransaction(int piece) {
    long before = mounted.txid("a.db");
    String write =
        "for i in range(0, len(data), %d): os.pwrite(fd, data[i:i+%d], off + i)"
            .formatted(piece, piece);
    writer.run(write);
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    writer.run(write);
    theTransactionIsThereOnce(before);
  }

  @Test
  void piecesMayComeInAnyOrder() {
    long before = mounted.txid("a.db");
    writer.run("for i in reversed(range(0, len(data), 900)): os.pwrite(fd, data[i:i+900], off+i)");
    theTransactionIsThereOnce(before);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 900, 2000, 4096})
  void refusedEndOfACommitWriteThatIsRepeatedCommits(int tail) {
    long before = mounted.txid("a.db");
    writer.run("cut = len(data) - " + tail);
    writer.run("n = os.pwrite(fd, data[:cut], off)");
    mounted.authority.refuse();
    assertThat(
            writer.ask(
                "cut += os.pwrite(fd, data[cut:], off + cut); put(fd, data[cut:], off + cut)"))
        .startsWith("!OSError");
    assertThat(mounted.txid("a.db")).isEqualTo(before);
    mounted.authority.grant();
    writer.run("put(fd, data[cut:], off + cut)");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    theTransactionIsThereOnce(before);
  }

  @Test
  void refusedTransactionIsNotFoundByRecoveryOfTheWal() {
    long before = mounted.txid("a.db");
    mounted.authority.refuse();
    assertThat(writer.ask("put(fd, data, off)")).startsWith("!OSError");
    mounted.authority.grant();
    writer.run("os.close(fd)");
    writer.run("shutil.copyfile(path, path + '.copy')");
    writer.run("shutil.copyfile(path + '-wal', '%s/r-wal')".formatted(mounted.outside()));
    writer.run("shutil.copyfile(path, '%s/r')".formatted(mounted.outside()));
    assertThat(Shell.sqlite(mounted.outside().resolve("r"), "select * from t")).isEqualTo("first");
    assertThat(mounted.txid("a.db")).isEqualTo(before);
  }

  @Test
  void sameBytesPassAndOtherBytesDoNotOverwriteACommit() {
    writer.run("old = os.pread(fd, off, 0)");
    writer.run("n = os.pwrite(fd, old, 0)");
    writer.run("n = os.pwrite(fd, old[100:3000], 100)");
    writer.run("bad = bytearray(old); bad[off - 10] ^= 1");
    assertThat(writer.ask("os.pwrite(fd, bytes(bad[100:]), 100)")).startsWith("!OSError");
    writer.run("os.close(fd)");
    assertThat(reader.sql("select * from t")).isEqualTo("first");
  }

  @ParameterizedTest
  @ValueSource(ints = {512, 1024, 4096})
  void paddingToTheSectorIsNoTransaction(int pageSize) {
    Client padding = mounted.python();
    padding.run("c = db('file:" + mounted.path("p.db") + "?psow=0', uri=True)");
    padding.sql("pragma page_size=" + pageSize);
    padding.sql("pragma journal_mode=wal");
    padding.sql("pragma synchronous=full");
    padding.sql("create table t(x)");
    long before = mounted.txid("p.db");
    for (int i = 1; i <= 10; i++) {
      padding.sql("insert into t values(" + i + ")");
      assertThat(mounted.txid("p.db")).isEqualTo(before + i);
    }
    // Lost just after the record: the padding that follows must not turn COMMIT into a lie.
    mounted.authority.grantOnly(1);
    assertThat(padding.trySql("insert into t values(11)")).isEmpty();
    mounted.authority.grant();
    assertThat(mounted.txid("p.db")).isEqualTo(before + 11);
    assertThat(Shell.sqlite(mounted.path("p.db"), "select count(*) from t")).isEqualTo("11");
  }
}
