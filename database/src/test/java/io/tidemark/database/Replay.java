package io.tidemark.database;

import io.tidemark.ltx.LtxDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** Applies records to an image, with code of its own. */
final class Replay {
  byte[] image = new byte[0];
  int pageSize;

  /**
   * @return rolling checksum that the record says
   */
  long apply(LtxDecoder decoder) throws IOException {
    var header = decoder.header();
    if (header.pageSize() != pageSize) {
      image = new byte[0];
      pageSize = header.pageSize();
    }
    image = Arrays.copyOf(image, (int) (header.commit() * pageSize));
    ByteBuffer page = ByteBuffer.allocate(pageSize);
    while (decoder.nextPage(page.clear())) {
      int at = (int) (decoder.pageNumber() - 1) * pageSize;
      System.arraycopy(page.array(), 0, image, at, pageSize);
    }
    return decoder.trailer().postApplyChecksum();
  }

  /** Applies the current record of a reader; its body is read in pieces of random lengths. */
  long apply(RecordReader reader, Random random) throws IOException {
    ByteBuffer body = body(reader, random);
    return apply(LtxDecoder.of(body.position(reader.extraLength())));
  }

  static ByteBuffer body(RecordReader reader, Random random) throws IOException {
    ByteBuffer body = ByteBuffer.allocate((int) reader.bodyLength());
    while (body.hasRemaining()) {
      int end = body.limit();
      int piece = random.nextInt(3) == 0 ? body.remaining() : 1 + random.nextInt(3000);
      body.limit(Math.min(end, body.position() + piece));
      if (reader.read(body, body.position()) == 0) {
        throw new AssertionError("the body of transaction " + reader.txid() + " ends too early");
      }
      body.limit(end);
    }
    return body.flip();
  }

  /** Takes all records that are there now. */
  int follow(RecordReader reader, Random random) throws IOException {
    int records = 0;
    while (reader.next()) {
      long sum = apply(reader, random);
      if (sum != checksum()) {
        throw new AssertionError("the checksum after transaction " + reader.txid() + " is wrong");
      }
      records++;
    }
    return records;
  }

  long checksum() {
    return LogFold.checksum(image, pageSize);
  }

  /** Reads some pages of a snapshot into the image. */
  void copy(SnapshotSource source, long firstPgno, int count) throws IOException {
    pageSize = source.pageSize();
    int at = (int) (firstPgno - 1) * pageSize;
    image = Arrays.copyOf(image, Math.max(image.length, at + count * pageSize));
    source.readPages(firstPgno, count, ByteBuffer.wrap(image, at, count * pageSize));
  }

  /** Ends a snapshot whose pages are here: applies its records. */
  DatabasePosition complete(SnapshotSource source, Random random) throws IOException {
    DatabasePosition position = source.finish();
    try (RecordReader records = source.records()) {
      while (records.next()) {
        apply(records, random);
      }
    }
    image = Arrays.copyOf(image, (int) (position.pageCount() * position.pageSize()));
    pageSize = position.pageSize();
    return position;
  }
}
