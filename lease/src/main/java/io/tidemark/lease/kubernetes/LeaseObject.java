package io.tidemark.lease.kubernetes;

import io.tidemark.lease.Owner;
import io.tidemark.lease.Revision;
import io.tidemark.lease.Stored;
import io.tidemark.lease.StoredRecord;
import io.tidemark.lease.support.Json;
import io.tidemark.lease.support.OwnerJson;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The object as the API server gave it. What is made of it for the next request keeps every field
 * that this program does not know.
 */
final class LeaseObject {
  private static final String RECORD = "tidemark.io/record";
  private static final String RECORD_REVISION = "tidemark.io/record-revision";
  private static final String OWNER = "tidemark.io/owner";

  /** The API's MicroTime. For people who look at the object: nobody here compares wall clocks. */
  private static final DateTimeFormatter MICRO_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

  private final Map<String, Object> json;

  private LeaseObject(Map<String, Object> json) {
    this.json = json;
  }

  static LeaseObject of(Map<String, Object> json) {
    return new LeaseObject(json);
  }

  static LeaseObject parse(String text) throws IOException {
    LeaseObject object = new LeaseObject(Json.parseObject(text));
    if (object.uid().isEmpty() || object.version().isEmpty()) {
      throw new IOException("not an object of the API: " + text.lines().findFirst().orElse(""));
    }
    return object;
  }

  /** One that does not exist yet: nobody's, without a record. */
  static LeaseObject fresh(String namespace, String name) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("name", name);
    metadata.put("namespace", namespace);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("apiVersion", "coordination.k8s.io/v1");
    json.put("kind", "Lease");
    json.put("metadata", metadata);
    json.put("spec", new LinkedHashMap<>());
    return new LeaseObject(json);
  }

  String write() {
    return Json.write(json);
  }

  private Map<String, Object> metadata() {
    return Json.object(json, "metadata");
  }

  private Map<String, Object> annotations() {
    return Json.object(metadata(), "annotations");
  }

  private Map<String, Object> spec() {
    return Json.object(json, "spec");
  }

  String uid() {
    return Json.text(metadata(), "uid");
  }

  /** The resourceVersion: an update is refused unless it names the current one. */
  String version() {
    return Json.text(metadata(), "resourceVersion");
  }

  String holder() {
    return Json.text(spec(), "holderIdentity");
  }

  /** How often the ownership has begun: with the holder, names one ownership. */
  long transitions() {
    return Json.number(spec(), "leaseTransitions");
  }

  Duration duration() {
    return Duration.ofSeconds(Json.number(spec(), "leaseDurationSeconds"));
  }

  static String holderOf(Owner owner) {
    return owner.nodeId() + "_" + owner.nonce();
  }

  /** Who is named as the holder, alive or not. */
  Optional<Owner> namedOwner() {
    if (holder().isEmpty()) {
      return Optional.empty();
    }
    try {
      Owner owner = OwnerJson.parse(Json.text(annotations(), OWNER));
      if (holderOf(owner).equals(holder())) {
        return Optional.of(owner);
      }
    } catch (IOException e) {
      // Another program's: its holder is all there is to tell.
    }
    return Optional.of(new Owner(holder(), "", ""));
  }

  Optional<StoredRecord> record() {
    return annotations().get(RECORD) instanceof String text
        ? Optional.of(new StoredRecord(text, new Revision(uid(), recordNumber())))
        : Optional.empty();
  }

  long recordNumber() {
    try {
      String number = Json.text(annotations(), RECORD_REVISION);
      return number.isEmpty() ? 0 : Long.parseLong(number);
    } catch (NumberFormatException e) {
      return -1; // Changed by hand: equals no revision that anybody expects.
    }
  }

  Stored stored(boolean holderIsAlive) {
    return new Stored(record(), holderIsAlive ? namedOwner() : Optional.empty());
  }

  /** A holder comes in, with a record. */
  LeaseObject acquired(Owner owner, String nextRecord, Duration ttl, Instant now) {
    LeaseObject next = changed(nextRecord);
    Map<String, Object> spec = next.specToChange();
    spec.put("holderIdentity", holderOf(owner));
    spec.put("leaseDurationSeconds", ttl.toSeconds());
    spec.put("acquireTime", MICRO_TIME.format(now));
    spec.put("renewTime", MICRO_TIME.format(now));
    spec.put("leaseTransitions", transitions() + 1);
    next.annotationsToChange().put(OWNER, OwnerJson.write(owner));
    return next;
  }

  LeaseObject renewed(Instant now) {
    LeaseObject next = copy();
    next.specToChange().put("renewTime", MICRO_TIME.format(now));
    return next;
  }

  LeaseObject changed(String nextRecord) {
    LeaseObject next = copy();
    Map<String, Object> annotations = next.annotationsToChange();
    annotations.put(RECORD, nextRecord);
    annotations.put(RECORD_REVISION, Long.toString(recordNumber() + 1));
    return next;
  }

  LeaseObject released(String lastRecord) {
    return changed(lastRecord).withoutHolder();
  }

  LeaseObject withoutHolder() {
    LeaseObject next = copy();
    next.specToChange().put("holderIdentity", "");
    next.annotationsToChange().remove(OWNER);
    return next;
  }

  private Map<String, Object> specToChange() {
    return Json.objectToChange(json, "spec");
  }

  private Map<String, Object> annotationsToChange() {
    return Json.objectToChange(Json.objectToChange(json, "metadata"), "annotations");
  }

  /** Deep, because requests that are made of this object must not change it. */
  private LeaseObject copy() {
    return new LeaseObject(copy(json));
  }

  private static Map<String, Object> copy(Map<String, Object> map) {
    Map<String, Object> copy = new LinkedHashMap<>(map);
    copy.replaceAll(
        (key, value) -> value instanceof Map<?, ?> inner ? copy(Json.asObject(inner)) : value);
    return copy;
  }
}
