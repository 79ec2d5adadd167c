package io.tidemark.lease.fixed;

import io.tidemark.lease.Owner;
import io.tidemark.lease.Revision;
import io.tidemark.lease.StoredRecord;
import io.tidemark.lease.support.Json;
import io.tidemark.lease.support.OwnerJson;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the file says.
 *
 * @param record with its revision, whose incarnation was drawn when the file was made
 * @param owner the process that took the ownership last, unless it released it
 * @param since the revision with which it took it
 */
record FileContent(StoredRecord record, Optional<Owner> owner, long since) {
  static FileContent parse(String text) throws IOException {
    Map<String, Object> object = Json.parseObject(text);
    if (!(object.get("record") instanceof String record)) {
      throw new IOException("a field \"record\" is missing");
    }
    Revision revision =
        new Revision(Json.text(object, "incarnation"), Json.number(object, "revision"));
    Map<String, Object> owner = Json.object(object, "owner");
    return new FileContent(
        new StoredRecord(record, revision),
        owner.isEmpty() ? Optional.empty() : Optional.of(OwnerJson.parse(owner)),
        Json.number(object, "since"));
  }

  String write() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("incarnation", record.revision().incarnation());
    object.put("revision", record.revision().number());
    owner.ifPresent(value -> object.put("owner", OwnerJson.toObject(value)));
    object.put("since", since);
    object.put("record", record.text());
    return Json.write(object) + "\n";
  }

  /** The next version, with the same owner. */
  FileContent changed(String nextRecord) {
    return new FileContent(next(nextRecord), owner, since);
  }

  /** The next version, with nobody as the owner. */
  FileContent released(String lastRecord) {
    return new FileContent(next(lastRecord), Optional.empty(), 0);
  }

  /** The next version, or the first, with a new owner. */
  static FileContent acquired(Optional<FileContent> before, String nextRecord, Owner owner) {
    StoredRecord next =
        before
            .map(content -> content.next(nextRecord))
            .orElseGet(() -> new StoredRecord(nextRecord, new Revision(Owner.newNonce(), 1)));
    return new FileContent(next, Optional.of(owner), next.revision().number());
  }

  private StoredRecord next(String text) {
    Revision now = record.revision();
    return new StoredRecord(text, new Revision(now.incarnation(), now.number() + 1));
  }
}
