package io.tidemark.node;

import io.tidemark.database.Divergence;
import io.tidemark.node.json.Json;
import java.util.Map;

/** A divergence as {@code /status} and the tools show it. 64-bit numbers are hex text. */
public final class DivergenceJson {
  private DivergenceJson() {}

  /** The object for one set of transactions. */
  public static Map<String, Object> of(Divergence divergence) {
    return Json.object(
        "id", divergence.id(),
        "name", divergence.name(),
        "firstTxid", String.format("%016x", divergence.firstTxid()),
        "lastTxid", String.format("%016x", divergence.lastTxid()),
        "firstEpoch", divergence.firstEpoch(),
        "lastEpoch", divergence.lastEpoch(),
        "checksum", String.format("%016x", divergence.checksum()),
        "time", divergence.time() == null ? null : divergence.time().toString(),
        "why", divergence.why(),
        "database", divergence.hasDatabase(),
        "bytes", divergence.bytes(),
        "path", divergence.path().toString());
  }
}
