package io.tidemark.lease;

import java.nio.charset.StandardCharsets;

/** The limit of a record, checked before anything is sent. */
public final class RecordText {
  private RecordText() {}

  /**
   * @throws IllegalArgumentException if the record is longer than {@link Leaser#MAX_RECORD_BYTES}
   */
  public static String checked(String record) {
    int bytes = record.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > Leaser.MAX_RECORD_BYTES) {
      throw new IllegalArgumentException(
          "the cluster record has "
              + bytes
              + " bytes; at most "
              + Leaser.MAX_RECORD_BYTES
              + " fit");
    }
    return record;
  }
}
