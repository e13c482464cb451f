/** Water that three.js draws, moved by a convolution of ours in the buffer that three reads: the wave equation, a step a pass. */
import { positionLocal, storage, transformNormalToView, varying, vec3, vertexIndex } from "three/tsl";
import {
  Color,
  DirectionalLight,
  HemisphereLight,
  Mesh,
  MeshStandardNodeMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  Raycaster,
  Scene,
  StorageBufferAttribute,
  Vector2,
  WebGPURenderer,
} from "three/webgpu";
import { conv2dOp, pad, prepareOp } from "webgraft/kernels";

/** Points a side of the water, which is 2 wide. */
const SIZE = 128;

const canvas = document.querySelector("canvas")!;
const button = document.querySelector("button")!;
const say = (text: string) => document.querySelector("output")!.replaceChildren(text);

/** Height h and speed v a point, two channels: v ← 0.995 (v + Δh / 4), h ← h + v. Weights (3, 3, 2, 2). */
function waveWeights(): Float32Array<ArrayBuffer> {
  const laplacian = [0, 1, 0, 1, -4, 1, 0, 1, 0];
  const damping = 0.995;
  return pad(
    Float32Array.from(
      laplacian.flatMap((neighbour, i) => {
        const pull = (damping * neighbour) / 4;
        const here = Number(i === 4);
        return [here + pull, pull, here * damping, here * damping];
      }),
    ),
    [3, 3, 2, 2],
  );
}

async function start(): Promise<void> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("This browser has no WebGPU here.");
  const device = await adapter.requestDevice();
  const renderer = new WebGPURenderer({ canvas, device, antialias: true });
  renderer.setPixelRatio(devicePixelRatio);
  await renderer.init();

  // Our layout has zeros after the last channel, up to four: a vec4 a point. three makes the buffer.
  const water = new StorageBufferAttribute(SIZE * SIZE, 4);
  const backend = renderer.backend as unknown as {
    createStorageAttribute(attribute: StorageBufferAttribute): void;
    get(attribute: StorageBufferAttribute): { readonly buffer: GPUBuffer };
  };
  backend.createStorageAttribute(water);
  const now = backend.get(water).buffer;
  const next = device.createBuffer({ size: now.size, usage: GPUBufferUsage.STORAGE });
  const values = waveWeights();
  const weight = device.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(weight, 0, values);
  const wave = await prepareOp(
    device,
    conv2dOp,
    { x: [1, SIZE, SIZE, 2], weight: [3, 3, 2, 2] },
    { padding: 1 },
  );
  const steps = [wave.bind({ x: now, weight, y: next }), wave.bind({ x: next, weight, y: now })];

  /** Raises the water around a point, 0…1 across and down. */
  function drop(across: number, down: number): void {
    const [column, row] = [across, down].map((at) =>
      Math.min(Math.max(Math.round(at * SIZE) - 5, 1), SIZE - 12),
    );
    for (let r = 0; r < 11; r++) {
      const line = Float32Array.from({ length: 44 }, (_, i) =>
        i % 4 === 0 ? 0.3 * Math.exp(-((i / 4 - 5) ** 2 + (r - 5) ** 2) / 6) : 0,
      );
      device.queue.writeBuffer(now, 16 * ((row! + r) * SIZE + column!), line);
    }
  }

  // The vertices of the plane are the points of the water, line by line.
  const points = storage(water, "vec4", SIZE * SIZE).toReadOnly();
  const material = new MeshStandardNodeMaterial({ color: 0x2277bb, roughness: 0.3, metalness: 0.1 });
  material.positionNode = positionLocal.add(vec3(0, 0, points.element(vertexIndex).x));
  const slope = vec3(
    points.element(vertexIndex.sub(1)).x.sub(points.element(vertexIndex.add(1)).x),
    points.element(vertexIndex.add(SIZE)).x.sub(points.element(vertexIndex.sub(SIZE)).x),
    4 / SIZE,
  );
  material.normalNode = transformNormalToView(varying(slope)).normalize();
  const mesh = new Mesh(new PlaneGeometry(2, 2, SIZE - 1, SIZE - 1), material);
  mesh.rotation.x = -Math.PI / 2;

  const scene = new Scene();
  scene.background = new Color(0x101820);
  const sun = new DirectionalLight(0xffffff, 2);
  sun.position.set(-2, 1.5, -1);
  scene.add(mesh, sun, new HemisphereLight(0xbbddff, 0x203040, 1.5));
  const camera = new PerspectiveCamera(40, 1.5, 0.1, 10);
  camera.position.set(0, 1.6, 2.4);
  camera.lookAt(0, -0.1, 0);

  button.onclick = () => drop(Math.random(), Math.random());
  canvas.onpointerdown = ({ offsetX, offsetY }) => {
    const at = new Vector2((2 * offsetX) / canvas.clientWidth - 1, 1 - (2 * offsetY) / canvas.clientHeight);
    const ray = new Raycaster();
    ray.setFromCamera(at, camera);
    const uv = ray.intersectObject(mesh)[0]?.uv;
    if (uv) drop(uv.x, 1 - uv.y);
  };
  renderer.setAnimationLoop(() => {
    const { clientWidth, clientHeight } = canvas;
    renderer.setSize(clientWidth, clientHeight, false);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const step of steps) step.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    renderer.render(scene, camera);
  });
  drop(0.5, 0.5);
  button.disabled = false;
  say("");
}

start().catch((error: Error) => say(error.message));
