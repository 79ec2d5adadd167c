package io.tidemark.stream.receive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.ltx.Txid;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class IncomingRecordTest {
  private final Random random = new Random(5);
  private final Recorded log = new Recorded();
  private final IncomingRecord incoming = new IncomingRecord(log);

  /** What reached the log. */
  private static final class Recorded implements IncomingRecord.Log {
    byte[] extra;
    long length;
    final ByteArrayOutputStream ltx = new ByteArrayOutputStream();
    int finished;
    int aborted;

    @Override
    public void begin(long epoch, long txid, byte[] of, long ltxLength, long commitTxid) {
      extra = of;
      length = ltxLength;
      ltx.reset();
    }

    @Override
    public void write(ByteBuffer bytes) {
      byte[] part = new byte[bytes.remaining()];
      bytes.get(part);
      ltx.writeBytes(part);
    }

    @Override
    public void finish() {
      finished++;
    }

    @Override
    public void abort() {
      aborted++;
    }
  }

  private static RecordChunk chunk(byte[] body, int extra, long txid, int from, int to) {
    return new RecordChunk(
        1,
        3,
        new Txid(txid),
        body.length - extra,
        extra,
        new Txid(1),
        from,
        ByteBuffer.wrap(body, from, to - from));
  }

  @Test
  void aRecordIsTheSameHoweverItIsCut() throws Exception {
    for (int round = 0; round < 500; round++) {
      byte[] body = new byte[2 + random.nextInt(200)];
      random.nextBytes(body);
      int extra = random.nextInt(body.length);
      int at = 0;
      boolean complete = false;
      while (at < body.length) {
        assertThat(complete).isFalse();
        int to = Math.min(body.length, at + 1 + random.nextInt(60));
        complete = incoming.add(chunk(body, extra, 9, at, to));
        at = to;
      }
      assertThat(complete).isTrue();
      assertThat(log.extra).isEqualTo(Arrays.copyOf(body, extra));
      assertThat(log.length).isEqualTo(body.length - extra);
      assertThat(log.ltx.toByteArray()).isEqualTo(Arrays.copyOfRange(body, extra, body.length));
    }
    assertThat(log.finished).isEqualTo(500);
    assertThat(log.aborted).isZero();
  }

  @Test
  void aPartThatIsNotTheNextIsRefused() throws Exception {
    byte[] body = new byte[100];
    assertThatThrownBy(() -> incoming.add(chunk(body, 0, 9, 10, 20)))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("expected the first part");
    incoming.add(chunk(body, 0, 9, 0, 10));
    assertThatThrownBy(() -> incoming.add(chunk(body, 0, 9, 20, 30)))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("expected byte 10");
    assertThatThrownBy(() -> incoming.add(chunk(body, 0, 10, 10, 20)))
        .isInstanceOf(ProtocolException.class);
    assertThat(log.finished).isZero();
  }

  @Test
  void aNewBeginningGivesUpWhatWasNotComplete() throws Exception {
    byte[] body = new byte[100];
    incoming.add(chunk(body, 0, 9, 0, 10));
    assertThat(incoming.add(chunk(body, 0, 9, 0, 100))).isTrue();
    assertThat(log.aborted).isEqualTo(1);
    assertThat(log.finished).isEqualTo(1);
  }
}
