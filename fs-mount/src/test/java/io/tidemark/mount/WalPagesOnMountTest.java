package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The kernel holds pages of the WAL that the daemon gave it; they must be the right ones. */
@Timeout(90)
class WalPagesOnMountTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  /** Reads through the page cache and past it; the second asks the daemon. */
  private static final String COMPARE =
      """
      def direct(fd):
          size = os.fstat(fd).st_size
          room = mmap.mmap(-1, (size + 8191) // 4096 * 4096)
          done = os.preadv(fd, [room], 0)
          return room[:done]
      def compare(path):
          cached, past = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY | os.O_DIRECT)
          try:
              a = os.pread(cached, os.fstat(cached).st_size, 0)
              b = direct(past)
              if a != b:
                  at = [i for i in range(min(len(a), len(b))) if a[i] != b[i]]
                  return 'differ: %d %d %s' % (len(a), len(b), at[:3])
              return 'same'
          finally:
              os.close(cached); os.close(past)
      """;

  private Client writer;

  @BeforeEach
  void databaseInWalMode() {
    Shell.require(
        !"LIBFUSE".equals(System.getProperty("tidemark.test.transport")),
        "the kernel transport, which can give pages");
    writer = mounted.python("a.db");
    writer.sql("pragma journal_mode=wal");
    writer.sql("pragma synchronous=off");
    writer.sql("pragma wal_autocheckpoint=0");
    writer.sql("create table t(id integer primary key, x)");
    writer.sql("insert into t values(0, 0)");
  }

  /** One frame each. */
  private long requestsOfCommits(int commits) {
    long before = mounted.writeRequests();
    writer.run(
        "for i in range(%d): c.execute('update t set x = x + 1 where id = 0')".formatted(commits));
    return mounted.writeRequests() - before;
  }

  @Test
  void frameTakesTwoRequestsFromTheSecondPassOn() {
    int commits = 300;
    writer.sql("pragma wal_checkpoint(truncate)");
    assertThat(requestsOfCommits(commits)).as("first pass").isBetween(850L, 950L);
    for (int pass = 2; pass < 5; pass++) {
      writer.sql("pragma wal_checkpoint(restart)");
      assertThat(requestsOfCommits(commits)).as("pass %d", pass).isBetween(600L, 640L);
    }
  }

  @Test
  void everyReaderSeesTheBytesOfTheWalWhileItIsWrittenAgainAndAgain() {
    List<Client> readers =
        IntStream.range(0, 2)
            .mapToObj(
                i -> {
                  Client reader = mounted.python("a.db");
                  reader.run(COMPARE);
                  return reader;
                })
            .toList();
    String wal = mounted.path("a.db") + "-wal";
    for (int pass = 0; pass < 6; pass++) {
      int commits = 60 + 70 * (pass % 3);
      writer.send(
          """
          for i in range(%d):
              c.execute('update t set x = x + 1 where id = 0')
              c.execute('insert into t(x) values(zeroblob(?))', (i * 97 %% 9000,))
          """
              .formatted(commits));
      for (Client reader : readers) {
        // A torn count or sum would be a page of another time.
        reader.run(
            """
            last = -1
            for i in range(60):
                x, n = c.execute('select (select x from t where id = 0), count(*) from t').fetchone()
                assert x >= last, (x, last)
                assert x - n in (0, -1), (x, n)
                last = x
                fd = os.open('%s', os.O_RDONLY); os.pread(fd, 1 << 20, 0); os.close(fd)
            """
                .formatted(wal));
      }
      assertThat(writer.answer("commits")).isEmpty();
      for (Client reader : readers) {
        assertThat(reader.run("compare('" + wal + "')")).isEqualTo("same");
        assertThat(reader.sql("pragma integrity_check")).isEqualTo("ok");
      }
      writer.sql("pragma wal_checkpoint(restart)");
    }
  }

  @Test
  void directWriteOfATransactionIsSeenByEveryReader() {
    writer.sql("pragma wal_checkpoint(truncate)");
    requestsOfCommits(100);
    Client direct = mounted.python();
    direct.run(COMPARE);
    String path = mounted.path("a.db").toString();
    direct.run("off, data = shadow('%s', 'update t set x = -1 where id = 0')".formatted(path));
    direct.run("room = mmap.mmap(-1, len(data)); n = room.write(data)");
    direct.run("fd = os.open('%s-wal', os.O_RDWR | os.O_DIRECT)".formatted(path));
    assertThat(direct.run("os.pwritev(fd, [room], off) == len(data) > 4096")).isEqualTo("True");
    assertThat(direct.run("compare('" + path + "-wal')")).isEqualTo("same");
    direct.run("os.close(fd)");
    Await.until(
        "the others see the transaction",
        () -> writer.trySql("select x from t where id = 0").equals("-1"));
    for (int pass = 0; pass < 3; pass++) {
      requestsOfCommits(100);
      assertThat(direct.run("compare('" + path + "-wal')")).isEqualTo("same");
      writer.sql("pragma wal_checkpoint(restart)");
    }
  }
}
