import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * The join of the activation workload in Kafka Streams: a KStream with a KTable, values as Jackson reads and writes them.
 * Configured by the environment, as activation.js is. With ROWS it prints one line once the table is there: what its
 * restoring cost.
 */
public final class StreamsPeer {
  public record Row(String productId, String externalId, String name, String category, double price, String updatedAt) {}
  public record Event(String activationId, String productId, String activatedAt, String channel) {}
  public record Result(String activationId, String productId, String externalId, String activatedAt) {}

  static final ObjectMapper JSON = new ObjectMapper();
  static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  static <T> Serde<T> serde(Class<T> type) {
    var reader = JSON.readerFor(type);
    var writer = JSON.writerFor(type);
    return Serdes.serdeFrom(
      (topic, value) -> {
        try {
          return value == null ? null : writer.writeValueAsBytes(value);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      },
      (topic, bytes) -> {
        try {
          return bytes == null ? null : reader.readValue(bytes);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      });
  }

  /** Live bytes on the heap. */
  static long heap() {
    for (int i = 0; i < 3; i++) System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /** Memory that is this process's alone. */
  static long own() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("RssAnon:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    return 0;
  }

  public static void main(String[] args) throws Exception {
    long heapBefore = heap(), ownBefore = own();
    var env = System.getenv();
    boolean inMemory = !"rocksdb".equals(env.get("STORE"));
    var config = new Properties();
    config.put("application.id", env.get("GROUP_ID"));
    config.put("bootstrap.servers", env.get("KAFKA_BROKERS"));
    config.put("state.dir", env.get("STATE_DIR"));
    config.put("processing.guarantee", "exactly_once".equals(env.get("GUARANTEE")) ? "exactly_once_v2" : "at_least_once");
    config.put("auto.offset.reset", "earliest");
    for (String pair : env.getOrDefault("STREAMS_CONFIG", "").split(";")) {
      int at = pair.indexOf('=');
      if (at > 0) config.put(pair.substring(0, at), pair.substring(at + 1));
    }
    var builder = new StreamsBuilder();
    var key = Serdes.String();
    var row = serde(Row.class);
    var store = inMemory ? Stores.inMemoryKeyValueStore("rows") : Stores.persistentKeyValueStore("rows");
    var table = builder.table(env.get("INFORMATION_TOPIC"), Consumed.with(key, row),
      Materialized.<String, Row>as(store).withKeySerde(key).withValueSerde(row));
    builder.stream(env.get("ACTIVATION_TOPIC"), Consumed.with(key, serde(Event.class)))
      .join(table, (e, r) -> new Result(e.activationId(), e.productId(), r.externalId(), e.activatedAt()),
        Joined.with(key, serde(Event.class), row))
      .to(env.get("OUT_TOPIC"), Produced.with(key, serde(Result.class)));
    var streams = new KafkaStreams(builder.build(config), config);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));

    var restored = new AtomicLong();
    var beganAt = new AtomicLong();
    var beganCpu = new AtomicLong();
    Runnable begin = () -> {
      if (beganAt.compareAndSet(0, System.nanoTime())) beganCpu.set(SYSTEM.getProcessCpuTime());
    };
    streams.setGlobalStateRestoreListener(new StateRestoreListener() {
      public void onRestoreStart(TopicPartition at, String name, long from, long to) { begin.run(); }
      public void onBatchRestored(TopicPartition at, String name, long to, long count) { restored.addAndGet(count); }
      public void onRestoreEnd(TopicPartition at, String name, long total) {}
    });
    streams.start();
    if (!env.containsKey("ROWS")) return;
    long rows = Long.parseLong(env.get("ROWS"));
    while (streams.state() != KafkaStreams.State.RUNNING) Thread.sleep(5);
    begin.run();
    var view = StoreQueryParameters.fromNameAndType("rows", QueryableStoreTypes.keyValueStore());
    while (inMemory && streams.store(view).approximateNumEntries() < rows) Thread.sleep(20);
    double seconds = (System.nanoTime() - beganAt.get()) / 1e9;
    double cpu = (SYSTEM.getProcessCpuTime() - beganCpu.get()) / 1e9;
    System.out.printf(Locale.ROOT,
      "{\"rowsRestored\":%d,\"seconds\":%.2f,\"cpuSeconds\":%.2f,\"rowsPerSecond\":%.0f,\"rowsPerCpuSecond\":%.0f,\"liveBytesPerRow\":%d,\"privateBytesPerRow\":%d}%n",
      restored.get(), seconds, cpu, rows / seconds, rows / cpu, (heap() - heapBefore) / rows, (own() - ownBefore) / rows);
  }
}
