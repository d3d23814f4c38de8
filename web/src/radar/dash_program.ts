// SPDX-License-Identifier: Apache-2.0
// Strokes for sigma that keep their width, and dashed ones, which it does not have: its rectangle program with the length along
// the stroke in pixels handed to the fragment shader. The dashes can move: `phase`.
import { EdgeRectangleProgram, type EdgeProgramType } from 'sigma/rendering';
import type { RenderParams } from 'sigma/types';

const VERTEX = /* glsl */ `
attribute vec4 a_id;
attribute vec4 a_color;
attribute vec2 a_normal;
attribute float a_normalCoef;
attribute vec2 a_positionStart;
attribute vec2 a_positionEnd;
attribute float a_positionCoef;

uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_zoomRatio;
uniform float u_pixelRatio;
uniform float u_correctionRatio;
uniform float u_minEdgeThickness;
uniform float u_feather;
uniform vec2 u_viewport;

varying vec4 v_color;
varying vec2 v_normal;
varying float v_thickness;
varying float v_feather;
varying float v_along;

const float bias = 255.0 / 254.0;

void main() {
  vec2 normal = a_normal * a_normalCoef;
  vec2 position = a_positionStart * (1.0 - a_positionCoef) + a_positionEnd * a_positionCoef;
  float normalLength = length(normal);
  vec2 unitNormal = normal / normalLength;
  float pixels = max(normalLength, u_minEdgeThickness * u_sizeRatio);
  float thickness = pixels * u_correctionRatio / u_sizeRatio;

  gl_Position = vec4((u_matrix * vec3(position + unitNormal * thickness, 1)).xy, 0, 1);
  vec2 from = (u_matrix * vec3(a_positionStart, 1)).xy;
  vec2 to = (u_matrix * vec3(a_positionEnd, 1)).xy;
  v_along = a_positionCoef * length((to - from) * 0.5 * u_viewport);
  v_thickness = thickness / u_zoomRatio;
  v_normal = unitNormal;
  v_feather = u_feather * u_correctionRatio / u_zoomRatio / u_pixelRatio * 2.0;
#ifdef PICKING_MODE
  v_color = a_id;
#else
  v_color = a_color;
#endif
  v_color.a *= bias;
}
`;

const FRAGMENT = /* glsl */ `
precision mediump float;

varying vec4 v_color;
varying vec2 v_normal;
varying float v_thickness;
varying float v_feather;
varying highp float v_along;

uniform float u_dash;
uniform float u_gap;
uniform highp float u_phase;

const vec4 transparent = vec4(0.0, 0.0, 0.0, 0.0);

void main(void) {
#ifdef PICKING_MODE
  gl_FragColor = v_color;
#else
  float dist = length(v_normal) * v_thickness;
  float t = smoothstep(v_thickness - v_feather, v_thickness, dist);
  float along = mod(v_along - u_phase, u_dash + u_gap);
  float edge = smoothstep(0.0, 1.0, along) * (1.0 - smoothstep(u_dash, u_dash + 1.0, along));
  gl_FragColor = mix(transparent, v_color, edge * (1.0 - t));
#endif
}
`;

interface DashOptions {
  dash: number;
  gap: number;
  phase: () => number;
}

// Solid strokes that keep their width on the screen while nodes grow with the zoom.
export function lineProgram(): EdgeProgramType {
  class LineProgram extends EdgeRectangleProgram {
    setUniforms(params: RenderParams, info: Parameters<EdgeRectangleProgram['setUniforms']>[1]): void {
      super.setUniforms({ ...params, sizeRatio: 1 }, info);
    }
  }
  return LineProgram as unknown as EdgeProgramType;
}

export function dashProgram(options: DashOptions): EdgeProgramType {
  class DashProgram extends EdgeRectangleProgram {
    getDefinition() {
      const base = super.getDefinition();

      return {
        ...base,
        VERTEX_SHADER_SOURCE: VERTEX,
        FRAGMENT_SHADER_SOURCE: FRAGMENT,
        UNIFORMS: [...base.UNIFORMS, 'u_viewport', 'u_dash', 'u_gap', 'u_phase'] as unknown as typeof base.UNIFORMS,
      };
    }

    setUniforms(params: RenderParams, info: Parameters<EdgeRectangleProgram['setUniforms']>[1]): void {
      const { gl } = info;
      const at = info.uniformLocations as Record<string, WebGLUniformLocation>;

      super.setUniforms({ ...params, sizeRatio: 1 }, info);
      gl.uniform2f(at.u_viewport, params.width, params.height);
      gl.uniform1f(at.u_dash, options.dash);
      gl.uniform1f(at.u_gap, options.gap);
      gl.uniform1f(at.u_phase, options.phase());
    }
  }
  return DashProgram as unknown as EdgeProgramType;
}
