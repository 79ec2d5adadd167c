package io.tidemark.stream;

import io.tidemark.database.Database;
import io.tidemark.database.RecordReader;
import io.tidemark.database.RecordsGoneException;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.ltx.Txid;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A store of a primary, whose transactions are imports of small files. */
public final class Primary implements AutoCloseable {
  private static final int PAGE = 4096;

  public final Store store;
  private final Path file;
  private final Random random = new Random(20);
  private int counter;

  public Primary(Path directory) throws IOException {
    Files.createDirectories(directory);
    store = Store.open(StoreOptions.defaults(directory.resolve("primary")));
    file = directory.resolve("image.db");
  }

  /** Makes random pages the content of a database: one transaction. */
  public Database commit(String name, int pages) throws IOException {
    byte[] content = new byte[pages * PAGE];
    random.nextBytes(content);
    ByteBuffer header = ByteBuffer.wrap(content);
    header.put("SQLite format 3\0".getBytes(StandardCharsets.US_ASCII));
    header.putShort((short) PAGE).put(new byte[] {1, 1, 0, 64, 32, 32});
    header.putInt(++counter).putInt(pages).putInt(92, counter);
    return store.importDatabase(name, Files.write(file, content));
  }

  /** All records of a database as they are in its log. */
  public List<RecordChunk> records(int id, String name) throws IOException, RecordsGoneException {
    List<RecordChunk> records = new ArrayList<>();
    try (RecordReader reader = store.get(name).recordsAfter(0)) {
      while (reader.next()) {
        ByteBuffer body = ByteBuffer.allocate((int) reader.bodyLength());
        reader.read(body, 0);
        records.add(
            new RecordChunk(
                id,
                reader.epoch(),
                new Txid(reader.txid()),
                reader.ltxLength(),
                reader.extraLength(),
                new Txid(reader.txid()),
                0,
                body.flip()));
      }
    }
    return records;
  }

  @Override
  public void close() throws IOException {
    store.close();
  }
}
